#!/usr/bin/env python3
"""Tests `tools/lint --rooms`: it accepts the checkout, and names an include that docs/rooms.txt forbids.

Usage: rooms_test.py CHECKOUT
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

FOLDERS = ("engine", "io", "kernels", "layers", "model", "train", "tools", "docs")


def lint(root):
    return subprocess.run([root / "tools/lint", "--rooms"], capture_output=True, text=True)


def main():
    checkout = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "sec"
        for name in FOLDERS:
            shutil.copytree(checkout / name, root / name)
        subprocess.run(["git", "init", "--quiet", root], check=True)

        result = lint(root)
        assert result.returncode == 0, f"the unchanged checkout fails: {result.stdout}{result.stderr}"

        file = root / "io/files/utf8.cpp"
        text = file.read_text(encoding="utf-8")
        file.write_text(text + '#include "train/recipe/recipe.h"\n', encoding="utf-8")
        line = text.count("\n") + 1
        result = lint(root)
        expected = f"io/files/utf8.cpp:{line}: train/recipe/recipe.h: io may not include train"
        assert result.returncode == 1, "a forbidden include passes"
        assert expected in (result.stdout + result.stderr).splitlines(), result.stdout + result.stderr

        file.write_text(text, encoding="utf-8")
        result = lint(root)
        assert result.returncode == 0, f"the restored checkout fails: {result.stdout}{result.stderr}"


if __name__ == "__main__":
    main()
