#!/usr/bin/env python3
"""Tests tools/mutate: that the lists of tests/faults fit the checkout, and that faults in a tiny project are found and reported.

Usage: mutate_test.py CHECKOUT PROGRAMS

PROGRAMS, written by CMake (tests/list_programs.cmake), has a line for each test program: its name and its sources.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

CHECKOUT, PROGRAMS = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])

FILES = {
    "add.py": "def add(numbers):\n    # a comment\n    total = sum(numbers)\n    return total\n",
    "CMakeLists.txt": "cmake_minimum_required(VERSION 3.18)\nproject(tiny NONE)\nenable_testing()\n"
                      "add_subdirectory(tests)\n",
    "tests/CMakeLists.txt": """
add_test(NAME adds COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/adds.py)
add_custom_target(test_tiny
  COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/compiles.py ${CMAKE_SOURCE_DIR}/add.py
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/bin
  COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_CURRENT_SOURCE_DIR}/program ${CMAKE_BINARY_DIR}/bin/test_tiny)
""",
    "tests/adds.py": "import pathlib, sys\nsys.dont_write_bytecode = True\n"
                     "sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))\n"
                     "import add\nsys.exit(add.add([1, 2, 3]) != 6)\n",
    "tests/compiles.py": "import sys\ncompile(open(sys.argv[1]).read(), sys.argv[1], 'exec')\n",
    "tests/tiny_test.cpp": "TEST(Tiny, Adds) {\n}\nTEST_P(Tiny, AddsAll) {\n}\n",
    # Stands for a GoogleTest program that is beside its sources' build folder.
    "tests/program": """#!/bin/sh
case "$1" in
--gtest_list_tests) echo "Tiny."; echo "  Adds"; exit 0 ;;
esac
case "$2" in
*Tiny.Adds:*) exec python3 "$(dirname "$0")/../../tests/adds.py" ;;
esac
""",
}
CAUGHT = "fault add.py  the first number is left out\n- sum(numbers)\n+ sum(numbers[1:])\ntest ctest adds\n"
SURVIVES = "fault add.py  another comment\n- # a comment\n+ # a word\ntest ctest adds\n"
REMOVED = ("# Two lines, the second of which is removed.\nfault add.py  no total\n-     total = sum(numbers)\n"
           "-     return total\n+     total = sum(numbers)\ntest test_tiny Tiny.Adds\n")
BROKEN = "fault add.py  no Python\n- return total\n+ return (\ntest test_tiny Tiny.*\n"


class Mutate(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name) / "tiny"
        for name, text in FILES.items():
            self.write(name, text)
        (self.root / "tests/program").chmod(0o755)
        (self.root / "tools").mkdir()
        shutil.copy(CHECKOUT / "tools/mutate", self.root / "tools/mutate")
        subprocess.run(["git", "init", "--quiet", self.root], check=True)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def mutate(self, faults, *arguments):
        self.write("tests/faults/faults.txt", faults)
        tree = self.root.parent / "tree"
        return subprocess.run([self.root / "tools/mutate", "--tree", tree, *arguments], capture_output=True, text=True)

    def refused(self, faults, says, *arguments):
        result = self.mutate(faults, *arguments)
        self.assertEqual(result.returncode, 2, result)
        self.assertIn(says, result.stderr)
        self.assertNotIn("Traceback", result.stderr)

    def test_the_lists_fit_the_checkout(self):
        result = subprocess.run([CHECKOUT / "tools/mutate", "--check", "--programs", PROGRAMS],
                                capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertGreaterEqual(int(result.stderr.split()[0]), 60)

    def test_says_what_is_caught_and_what_survives(self):
        result = self.mutate(CAUGHT + "\n" + SURVIVES + REMOVED + BROKEN)
        self.assertEqual(result.returncode, 1, result)
        self.assertRegex(result.stdout, r"caught    add.py: the first number is left out \(\d+ s\)\n")
        self.assertRegex(result.stdout, r"survived  add.py: another comment")
        self.assertRegex(result.stdout, r"caught    add.py: no total")
        self.assertRegex(result.stdout, r"not built add.py: no Python")
        self.assertIn("2 of 4 faults caught\nsurvived: faults.txt:6: add.py: another comment\nnot built:", result.stdout)
        # The checkout is as it was, and the copy has no fault left.
        for folder in (self.root, self.root.parent / "tree"):
            self.assertEqual((folder / "add.py").read_text(), FILES["add.py"])
        # The next run plants what was not caught, and a changed fault.
        again = self.mutate(CAUGHT.replace("[1:]", "[:1]") + REMOVED + SURVIVES)
        self.assertRegex(again.stdout, r"caught    add.py: the first number is left out \(\d+ s\)")
        self.assertRegex(again.stdout, r"caught    add.py: no total \(earlier\)")
        self.assertRegex(again.stdout, r"survived  add.py: another comment \(\d+ s\)")
        self.assertNotIn("(earlier)", self.mutate(REMOVED, "--again").stdout)
        self.assertEqual(self.mutate(REMOVED).returncode, 0)

    def test_a_test_that_fails_without_a_fault_catches_nothing(self):
        self.write("tests/adds.py", "import sys\nsys.exit(1)\n")
        result = self.mutate(CAUGHT)
        self.assertEqual(result.returncode, 1, result)
        self.assertIn("failing before: faults.txt:1: add.py: the first number is left out", result.stdout)

    def test_refuses_a_list_that_does_not_fit(self):
        self.refused(CAUGHT.replace("sum(numbers)", "max(numbers)"), '"max(numbers)" occurs 0 times in the file')
        self.refused(CAUGHT.replace("- sum(numbers)", "- numbers"), '"numbers" occurs 2 times in the file')
        self.refused(CAUGHT.replace("numbers[1:]", "numbers"), "faults.txt:1: add.py: the first number is left out: changes")
        self.refused(CAUGHT.replace("adds", "subtracts"), "ctest has no test subtracts")
        self.refused(REMOVED.replace("Adds", "Subtracts"), "test_tiny has no test Tiny.Subtracts")
        self.refused(CAUGHT.replace("add.py", "sub.py"), "sub.py: the first number is left out: No such file")
        self.refused(CAUGHT + CAUGHT, "faults.txt:5: add.py: the first number is left out: listed twice")
        self.refused(CAUGHT.replace("test ctest adds\n", ""), "names no test")
        self.refused(CAUGHT + "tests ctest adds\n", "faults.txt:5: expected")
        self.refused("- text\n", "faults.txt:1: expected")
        self.refused(CAUGHT, "no fault is chosen", "--only", "nothing")
        self.refused(CAUGHT, "is the checkout itself", "--tree", str(self.root))

    def test_checks_the_tests_of_each_program(self):
        self.write("programs.txt", "test_tiny tests/tiny_test.cpp\ntest_other tests/other_test.cpp\n")
        programs = ("--programs", str(self.root / "programs.txt"), "--check")
        self.assertEqual(self.mutate(REMOVED + BROKEN, *programs).returncode, 0)
        self.refused(REMOVED.replace("test_tiny", "test_other"), "test_other has no test Tiny.Adds", *programs)

    def test_draws_by_its_seed(self):
        faults = "".join(f"fault add.py  {i}\n- total = sum(numbers)\n+ total = {i}\ntest ctest adds\n" for i in range(50))
        def drawn(seed):
            return self.mutate(faults, "--list", "--count", "5", "--seed", seed).stdout
        self.assertEqual(drawn("3"), drawn("3"))
        self.assertNotEqual(drawn("3"), drawn("4"))
        self.assertEqual(drawn("3").count("ctest adds"), 5)
        self.assertEqual(self.mutate(faults, "--list", "--only", "py: 17").stdout, "add.py: 17\n    ctest adds\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
