#!/usr/bin/env python3
"""Tests that every test on the cuda device is in a program that tools/gpu_check runs.

  gpu_programs_test.py LIST

LIST, written by CMake (tests/list_programs.cmake), has a line for each test program: its name and its sources.
"""
import importlib.machinery
import importlib.util
import re
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(sys.argv.pop(1)).resolve()
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("gpu_check", str(ROOT / "tools/gpu_check"))
gpu_check = importlib.util.module_from_spec(importlib.util.spec_from_loader("gpu_check", loader))
loader.exec_module(gpu_check)

# Programs of the cuda build with the sources of a program that every build has.
TWINS = {"test_kernels_simt": "test_kernels_cuda", "test_simt": "test_cuda"}

# Sources that name the device, but compute nothing on it.
EXEMPT = {
    "tests/kernels/isa_test.cpp": "an unavailable device has no kernel table",
    "tests/tools/sectrain_test.cpp": "the error without a GPU",
}


def listed_programs():
    lines = (ROOT / "tools/gpu/programs.txt").read_text(encoding="utf-8").splitlines()
    return {line.split()[0] for line in lines if line and not line.startswith("#")}


def names_cuda(path, root):
    """Whether a source or one of the test headers that it includes names the cuda device."""
    pending, seen = [path], set()
    while pending:
        path = pending.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        text = path.read_text(encoding="utf-8")
        if re.search(r"\bDevice::cuda\b", text):
            return True
        pending += [root / header for header in re.findall(r'#include "(tests/[^"]+)"', text)]
    return False


def missing_sources(text, chosen, exempt, root=ROOT):
    """The sources that name the cuda device, in programs of which none is chosen."""
    programs = {}
    for line in text.splitlines():
        program, *sources = line.split()
        for source in sources:
            programs.setdefault(source, set()).update({program, TWINS.get(program, program)})
    return sorted(source for source, found in programs.items()
                  if source not in exempt and not found & chosen and names_cuda(root / source, root))


class Programs(unittest.TestCase):
    def test_every_test_on_cuda_is_run_on_a_gpu(self):
        text = LIST.read_text(encoding="utf-8")
        self.assertIn("test_step ", text)
        self.assertEqual(missing_sources(text, set(gpu_check.TESTS), EXEMPT), [],
                         "add the program to TESTS in tools/gpu_check and to tools/gpu/programs.txt")

    def test_exemptions_are_needed(self):
        text = LIST.read_text(encoding="utf-8")
        self.assertEqual(missing_sources(text, set(gpu_check.TESTS), {}), sorted(EXEMPT))

    def test_a_program_that_is_left_out_is_found(self):
        text = LIST.read_text(encoding="utf-8")
        self.assertIn("tests/train/loop/step_test.cpp", missing_sources(text, set(gpu_check.TESTS) - {"test_step"}, EXEMPT))
        self.assertIn("tests/kernels/bf16_test.cpp",
                      missing_sources(text, set(gpu_check.TESTS) - {"test_kernels_cuda"}, EXEMPT))

    def test_headers_are_read(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "tests").mkdir()
            (root / "tests/a.cpp").write_text('#include "tests/b.h"\n')
            (root / "tests/b.h").write_text('#include "tests/a.cpp"\nconst auto on = Device::cuda;\n')
            (root / "tests/c.cpp").write_text('#include "tests/none.h"\n')
            self.assertEqual(missing_sources("test_a tests/a.cpp tests/c.cpp\n", set(), {}, root), ["tests/a.cpp"])

    def test_gpu_check_and_the_list_of_programs_agree(self):
        listed = listed_programs()
        self.assertEqual({name for name in listed if name.startswith("test_")}, set(gpu_check.TESTS))
        with tempfile.TemporaryDirectory() as folder:
            options = gpu_check.argparse.Namespace(torch="/nonexistent", bin=folder, out=folder, budget=None)
            parts = gpu_check.Check(options, Path(folder)).parts()
        self.assertEqual({program for part in parts for program in part.needs}, listed)
        self.assertLessEqual(set(gpu_check.TESTS), {part.name for part in parts})


if __name__ == "__main__":
    unittest.main()
