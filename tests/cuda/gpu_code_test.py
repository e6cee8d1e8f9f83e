#!/usr/bin/env python3
"""Tests that tools/gpu_code reports every kind of regression in compiled kernels: gpu_code_test.py LIBRARY."""

import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GPU_CODE = ROOT / "tools/gpu_code"
library = ""


def module():
    loader = importlib.machinery.SourceFileLoader("gpu_code", str(GPU_CODE))
    loaded = importlib.util.module_from_spec(importlib.util.spec_from_loader("gpu_code", loader))
    sys.dont_write_bytecode = True
    loader.exec_module(loaded)
    return loaded


class GpuCode(unittest.TestCase):
    def run_it(self, *arguments):
        return subprocess.run([GPU_CODE, library, *arguments], capture_output=True, text=True)

    # Changes one figure of one kernel in the table; returns the single line that --check then reports.
    def complaint(self, file, kernel, column, value):
        code = module()
        lines = subprocess.run([GPU_CODE, library], capture_output=True, text=True).stdout.splitlines()
        changed = []
        for line in lines:
            cells = line.split("\t")
            if cells[:3] == ["sm_90", file, kernel]:
                cells[code.COLUMNS.index(column)] = value
            changed.append("\t".join(cells))
        self.assertNotEqual(changed, lines)
        with tempfile.NamedTemporaryFile("w", suffix=".tsv") as table:
            table.write("\n".join(changed) + "\n")
            table.flush()
            done = self.run_it("--check", table.name)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.stderr

    def test_what_was_just_written_holds(self):
        with tempfile.TemporaryDirectory() as folder:
            table = pathlib.Path(folder) / "table.tsv"
            self.assertEqual(self.run_it("--write", table).returncode, 0)
            done = self.run_it("--check", table)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_loss_of_occupancy_is_one_line(self):
        rows, _ = module().read_library(pathlib.Path(library), [])
        kernel = "conv_tensor<bf16, 32, Forward, false>"
        warps = next(int(row["warps"]) for row in rows if (row["arch"], row["kernel"]) == ("sm_90", kernel))
        line = self.complaint("conv_tensor.cu", kernel, "warps", str(warps + 4))
        self.assertIn(f"conv_tensor.cu {kernel}, sm_90: ", line)
        self.assertIn(f"were {warps + 4}", line)

    def test_new_spills_are_one_line(self):
        line = self.complaint("conv_tensor.cu", "conv_tensor<float, 64, Forward, false>", "spill_loads", "-4")
        self.assertIn("spill_loads grew from -4 to 0 bytes", line)

    def test_a_kernel_that_is_not_in_the_table_is_told(self):
        code = module()
        rows, _ = code.read_library(pathlib.Path(library), [])
        first = next(row for row in rows if row["file"] == "conv_tensor.cu")
        with tempfile.NamedTemporaryFile("w", suffix=".tsv") as table:
            table.write("\n".join(line for line in self.run_it().stdout.splitlines()
                                  if f"{first['arch']}\tconv_tensor.cu\t{first['kernel']}\t" not in line))
            table.flush()
            self.assertIn("is not in", self.run_it("--check", table.name).stderr)

    def test_rules_that_do_not_hold_are_told(self):
        code = module()
        rows, _ = code.read_library(pathlib.Path(library), [])
        self.assertEqual(list(code.broken_rules([("conv_tensor.cu", "conv_tensor<*>", "HMMA", True)], rows)), [])
        broken = list(code.broken_rules([("conv_tensor.cu", "conv_tensor<bf16, 64, Forward, true>", "HMMA", False)], rows))
        self.assertEqual(len(broken), 2)  # one problem per architecture
        self.assertIn("conv_tensor.cu conv_tensor<bf16, 64, Forward, true>, sm_80: expected no HMMA", broken[0])
        broken = list(code.broken_rules([("pointwise.cu", "pointwise_map<Add, float, 1>", "LDG.128", True)], rows))
        self.assertIn("expected LDG.128", broken[0])
        broken = list(code.broken_rules([("none.cu", "*", "HMMA", True)], rows))
        self.assertIn("no kernel matches none.cu | *", broken[0])

    # Expected values are from NVIDIA's occupancy calculator for compute capabilities 8.0 and 9.0.
    def test_occupancy(self):
        code = module()
        for arch, threads, registers, shared, warps, limit in (
            ("sm_80", 256, 32, 0, 64, "warps"),
            ("sm_80", 256, 33, 0, 48, "registers"),
            ("sm_80", 128, 128, 0, 16, "registers"),
            ("sm_80", 32, 16, 0, 32, "blocks"),
            ("sm_80", 128, 64, 163 * 1024, 4, "shared"),
            ("sm_80", 128, 64, 40 * 1024, 16, "shared"),
            ("sm_90", 128, 64, 40 * 1024, 20, "shared"),
            ("sm_90", 1024, 64, 0, 32, "registers"),
        ):
            self.assertEqual(code.occupancy(arch, threads, registers, shared), (warps, limit), (arch, threads, registers))


if __name__ == "__main__":
    library = sys.argv.pop(1)
    unittest.main()
