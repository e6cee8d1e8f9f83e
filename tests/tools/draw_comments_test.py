#!/usr/bin/env python3
"""tools/draw_comments on a small checkout made here. Usage: draw_comments_test.py PROGRAM"""

import pathlib
import subprocess
import sys
import tempfile

FILES = {
    "a.cpp": 'auto s = "no // comment in here";\n// A first comment line.\nint i = 1\'000; /* A block of\n'
             '   three words or more */\nchar c = \'"\';  // trailing words are found\n}  // namespace sec::a_b_c\n// short\n',
    "b.cu": 'auto r = R"(text // of a\nraw string literal)";\n// A kernel of two threads.\n',
    "c.py": '#!/usr/bin/env python3\n"""The docstring of a module."""\n\n\ndef f():\n    """The docstring of f\n\n'
            '    has three lines."""\n    return "no # comment in here"  # a comment of Python\n',
    "script": '#!/usr/bin/env bash\n# A comment of bash.\ncat <<\'END\'\n# not a comment here\nEND\n'
              'echo "no # comment in here" ${#array}\n',
    "CMakeLists.txt": "# A comment of CMake.\n",
    "golden/d.py": "# A comment in a golden file.\n",
    "notes.md": "# A heading of Markdown\n",
}
EXPECTED = """\
CMakeLists.txt:1: A comment of CMake.
a.cpp:2: A first comment line.
a.cpp:4: three words or more
a.cpp:5: trailing words are found
b.cu:3: A kernel of two threads.
c.py:2: \"\"\"The docstring of a module.\"\"\"
c.py:6: \"\"\"The docstring of f
c.py:8: has three lines.\"\"\"
c.py:9: a comment of Python
script:2: A comment of bash.
"""


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name, text in FILES.items():
            (pathlib.Path(folder) / name).parent.mkdir(exist_ok=True)
            (pathlib.Path(folder) / name).write_text(text)
        git = ["git", "-c", "user.name=n", "-c", "user.email=e", "-C", folder]
        for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "c"]):
            subprocess.run(git + command, check=True)

        def draw(*options):
            return subprocess.run([sys.argv[1], "--root", folder, *options], check=True, capture_output=True, text=True)

        everything = draw("99", "--seed", "1").stdout
        expected = EXPECTED.splitlines()
        assert sorted(everything.splitlines()) == sorted(expected), everything
        assert draw("4", "--seed", "1").stdout == "".join(everything.splitlines(True)[:4])
        assert draw("99", "--seed", "2").stdout != everything
        head = subprocess.run(git + ["rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
        by_default = draw("4")
        assert by_default.stdout == draw("4", "--seed", head).stdout
        assert by_default.stderr == f"draw_comments: 4 of {len(expected)} lines, seed {head}\n", by_default.stderr
        assert draw("9", "--seed", "1", "b.cu").stdout == "b.cu:3: A kernel of two threads.\n"


main()
