#!/usr/bin/env python3
"""Tests of the forecast that need no nvcc: forecast_test.py BENCH_FORECAST GPU_CODE."""

import collections
import importlib.machinery
import importlib.util
import json
import pathlib
import resource
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
program = gpu_code = ""


def module(path):
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("gpu_code", path)
    loaded = importlib.util.module_from_spec(importlib.util.spec_from_loader("gpu_code", loader))
    loader.exec_module(loaded)
    return loaded


class Forecast(unittest.TestCase):
    def run_it(self, *arguments):
        return subprocess.run([program, *arguments], capture_output=True, text=True)

    # bench_traffic executed the step of this size: recording it without executing it must give the same launches.
    # The optimizer's differ, because bench_traffic clips gradients and keeps a moving average.
    def test_recorded_launches_are_those_of_an_executed_step(self):
        done = self.run_it("--launches", "--size", "4x2x480")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        recorded = collections.Counter()
        for line in done.stdout.splitlines()[1:]:
            precision, file, kernel, _ = line.split("\t")
            recorded[precision, f"{file} {kernel}"] += 1
        executed = json.loads((ROOT / "bench/results/simt-traffic.json").read_text())["cases"]
        for precision in ("bf16", "tf32"):
            counted = executed[precision]["kernels"]
            wanted = {(precision, kernel): counts["launches"] for kernel, counts in counted.items()
                      if not kernel.startswith("optimizer.cu")}
            found = {key: count for key, count in recorded.items()
                     if key[0] == precision and not key[1].startswith("optimizer.cu")}
            self.assertEqual(found, wanted)

    # The tensors of 64 samples of 8 x 5000 have several GB. Recorded launches leave them unwritten.
    def test_a_large_step_is_recorded_in_little_memory(self):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        done = self.run_it("--launches")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("conv_tensor<bf16, 64, Forward, true>", done.stdout)
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        self.assertLess(max(before, most), 1_000_000)  # KB

    def test_bad_options_are_one_line(self):
        size = "--size: expected SAMPLESxLEADSxLENGTH, got"
        files = "expected a folder of .sass files, as tools/gpu_code --sass writes them"
        for arguments, message in ((("--size", "64x8"), f"{size} '64x8'"), (("--size", "0x8x5000"), f"{size} '0x8x5000'"),
                                   ((), "--sass: expected a folder of machine code"),
                                   (("--sass", "/nowhere"), f"/nowhere: {files}")):
            done = self.run_it(*arguments)
            self.assertEqual((done.returncode, done.stderr), (1, f"bench_forecast: {message}\n"))

    # The counts of both loops of the listing, made by hand.
    def test_loops_of_a_listing(self):
        lines = (pathlib.Path(__file__).parent / "sum_of_parts.sass").read_text().splitlines()
        found = list(module(gpu_code).loops(lines))
        shown = [(row["begin"], row["end"], row["depth"], row["instructions"], row["LDG"], row["STG"], row["HMMA"],
                  row["divisions"]) for row in found]
        self.assertEqual(shown, [("0400", "0570", 1, 24, 4, 0, 0, 0), ("0730", "07d0", 1, 11, 1, 0, 0, 0)])

    def test_divisions_of_a_loop(self):
        lines = ["// kernel: a.cu | k", ".L_x_0:", "/*0000*/ I2F.U32.RP R2, R4 ;", "/*0010*/ MUFU.RCP R2, R2 ;",
                 "/*0020*/ @P1 CALL.REL.NOINC `($__internal_0_$__cuda_sm20_rem_s64) ;", "/*0030*/ I2F.U32 R3, R4 ;",
                 "/*0040*/ @!P0 BRA `(.L_x_0) ;"]
        (row,) = module(gpu_code).loops(lines)
        self.assertEqual((row["instructions"], row["MUFU"], row["divisions"]), (5, 1, 2))


if __name__ == "__main__":
    gpu_code = sys.argv.pop()
    program = sys.argv.pop()
    unittest.main()
