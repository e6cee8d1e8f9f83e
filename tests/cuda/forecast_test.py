#!/usr/bin/env python3
"""Compares the compiled kernels with the committed forecast, and the forecast's counts with those of an executed step.

forecast_test.py LIBRARY BENCH_FORECAST. Exits with 77 (skipped) where nvdisasm is missing.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GPU_CODE = ROOT / "tools/gpu_code"
library = program = folder = ""


class Forecast(unittest.TestCase):
    def test_the_committed_forecast_holds(self):
        done = subprocess.run([program, "--sass", folder, "--check", ROOT / "bench/results/forecast.tsv"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    # bench_traffic executed this step on simt and counted its products on tensor cores. The machine code, executed for
    # the same launches, must multiply as often: this confirms grids and trip counts of the loops with products.
    def test_products_are_as_many_as_in_an_executed_step(self):
        done = subprocess.run([program, "--sass", folder, "--counts", "--size", "4x2x480"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        executed = json.loads((ROOT / "bench/results/simt-traffic.json").read_text())["cases"]
        with_products = 0
        for line in done.stdout.splitlines()[1:]:
            precision, file, kernel, launches, operations, _ = line.split("\t")
            if not file.startswith("optimizer"):
                counted = executed[precision]["kernels"][f"{file} {kernel}"]
                self.assertEqual((kernel, int(launches), int(operations)),
                                 (kernel, counted["launches"], counted["tensor_operations"]))
                with_products += int(operations) > 0
        self.assertGreater(with_products, 8)


if __name__ == "__main__":
    program = sys.argv.pop()
    library = sys.argv.pop()
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([GPU_CODE, library, "--sass", folder], capture_output=True, text=True)
        if "nvdisasm was not found" in run.stderr:
            print(f"skipped: {run.stderr.strip()}")
            sys.exit(77)
        if run.returncode:
            sys.exit(run.stderr)
        unittest.main()
