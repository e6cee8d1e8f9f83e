#!/usr/bin/env python3
""".ci/check_docs on documents of a small checkout made here. Usage: check_docs_test.py PROGRAM"""

import pathlib
import subprocess
import sys
import tempfile

# Stand-in for secdata and sectrain: prints a help text, or makes the folder given last or after --out.
STAND_IN = """#!/bin/sh
case "$*" in *--help*) echo "usage: $0 --out DIR --config FILE --data DIR --set K=V --quiet --resume"; exit 0 ;; esac
out= previous=
for word; do [ "$previous" = --out ] && out=$word; previous=$word; done
out=${out:-$previous}
[ ! -e "$out" ] || { echo "$out exists"; exit 1; }
mkdir -p "$out" && echo "$*" >"$out/made"
"""


def block(*lines, needs=""):
    marker = f"<!-- needs: {needs} -->\n" if needs else ""
    return marker + "\n".join(["```sh", *lines, "```"]) + "\n\n"


class Checkout:
    def __init__(self, folder):
        self.root = pathlib.Path(folder)
        subprocess.run(["git", "init", "-q", folder], check=True)
        self.write(".gitignore", "/build/\n/data/\n/runs/\n")
        for program in ("build/bin/secdata", "build/bin/sectrain", "tools/lint"):
            self.write(program, STAND_IN)
            (self.root / program).chmod(0o755)

    def write(self, name, text):
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def files(self):
        return sorted(str(p.relative_to(self.root)) for p in self.root.rglob("*") if ".git/" not in str(p))

    def check(self, *options):
        before = self.files()
        result = subprocess.run([sys.executable, sys.argv[1], "--root", str(self.root), *options],
                                capture_output=True, text=True)
        assert self.files() == before, "check_docs changed the checkout"
        return result


def expect(result, status, *texts):
    everything = result.stdout + result.stderr
    assert result.returncode == status, everything
    for text in texts:
        assert text in everything, f"'{text}' is missing in:\n{everything}"


def test_order_and_counts(checkout):
    # Blocks append to the file `order`, which shows in what order they ran.
    checkout.write("README.md", block("echo readme >order", "tools/lint --quiet") + block("false", needs="gpu")
                   + block("tools/lint", "xdg-open nowhere.html", "cmake --build build")
                   + "## Read on\n[b](docs/b.md) [a](docs/a.md#part)\n")
    checkout.write("docs/a.md", block("[ \"$(cat order)\" = $'readme\\nb' ] # c.md is later", "echo a >>order")
                   + block("false", needs="hours"))
    checkout.write("docs/b.md", block("echo b >>order") + block("false", needs="download") + block("false", needs="gpu"))
    checkout.write("docs/c.md", block("[ \"$(tail -n 1 order)\" = a ]", "echo c >made; echo c >build/made"))
    expect(checkout.check(), 0, "4 documents, 9 blocks: 4 run", "1 checked only",
           "4 marked (gpu 2, download 1, hours 1); 0 problems")
    listed = checkout.check("--list")
    expect(listed, 0)
    assert [line.split(":")[0].split() for line in listed.stdout.splitlines()] == [
        ["run", "README.md"], ["needs", "gpu", "README.md"], ["checked", "README.md"], ["run", "docs/b.md"],
        ["needs", "download", "docs/b.md"], ["needs", "gpu", "docs/b.md"], ["run", "docs/a.md"],
        ["needs", "hours", "docs/a.md"], ["run", "docs/c.md"]], listed.stdout
    expect(checkout.check("--only", "docs/b.md"), 0, "1 documents, 3 blocks: 1 run")


def test_prepared_data(checkout):
    checkout.write("README.md", block("grep -q epochs=1 runs/inter/made", "[ -e data/synthetic/made ]")
                   + block("build/bin/sectrain --out runs/inter", "! grep -q epochs=1 runs/inter/made")
                   + block("! grep -q epochs=1 runs/inter/made", "grep -q epochs=1 runs/quickstart/made"))
    expect(checkout.check(), 0, "3 run", "0 problems")


def test_failures(checkout):
    checkout.write("README.md", "text\n" + block("echo last words", "exit 3") + block("true | false | true")
                   + block("sleep 60") + block("true"))
    expect(checkout.check("--limit", "1"), 1, "README.md:3: the block fails with status 3", "last words",
           "README.md:8: the block fails with status 1", "README.md:12: the block takes more than 1 s", "3 problems")


def test_static_checks(checkout):
    checkout.write("README.md", "[x](docs/none.md)\n" + block(
        "for i in 1 2; do build/bin/sectrain --nonsense; done | build/bin/none", "cat <<'END'", "build/bin/ignored 'x",
        "END", "A=1 build/bin/secdata 'two", "lines' --quiet --config recipes/none.toml", needs="hours"))
    expect(checkout.check(), 1, "the link docs/none.md leads nowhere", "build/bin/sectrain has no option --nonsense",
           "there is no program build/bin/none", "there is no recipes/none.toml", "4 problems")


def test_markers(checkout):
    checkout.write("README.md", block("true", needs="luck") + "<!-- needs: gpu -->\nA paragraph.\n"
                   + block("true") + "1. A list\n\n   <!-- needs: hours -->\n\n   ```sh\n   false\n   ```\n")
    expect(checkout.check("--list"), 1, "needs 'luck': expected one of gpu, download, hours",
           "1 of 3 markers", "needs hours    README.md:17: false")


def main():
    for test in (test_order_and_counts, test_prepared_data, test_failures, test_static_checks, test_markers):
        with tempfile.TemporaryDirectory() as folder:
            test(Checkout(folder))


main()
