#!/usr/bin/env python3
"""Tests tools/gpu_check: how it reads the programs' results, and whole runs in which stand-ins play the programs.

  gpu_check_test.py PATH_OF_GPU_CHECK
"""
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(sys.argv.pop(1)).resolve()
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("gpu_check", str(TOOL))
gpu_check = importlib.util.module_from_spec(importlib.util.spec_from_loader("gpu_check", loader))
loader.exec_module(gpu_check)

GTEST = {"testsuites": [{"testsuite": [
    {"name": "A/0", "classname": "Cuda/Conv", "result": "COMPLETED"},
    {"name": "B/0", "classname": "Cuda/Conv", "result": "COMPLETED", "failures": [{"failure": "wrong"}]},
    {"name": "C/0", "classname": "Cuda/Conv", "result": "SKIPPED"}]}]}


def bench_run(name, us, **more):
    return {"name": name + "/manual_time", "run_type": "iteration", "real_time": us, **more}


BENCH = {"benchmarks": [
    bench_run("conv/stem k50 s2/forward/f32/ours", 20.0, **{"GFLOP/s": 900.0}),
    bench_run("conv/stem k50 s2/forward/f32/v1", 80.0),
    bench_run("conv/stem k50 s2/forward/f32/cudnn", 30.0),
    bench_run("linear/64x768-34/forward/bf16/ours", 5.0),
    bench_run("linear/64x768-34/forward/bf16/cublas", 4.0)]}


class Parsing(unittest.TestCase):
    def test_gtest(self):
        self.assertEqual(gpu_check.gtest_outcome(GTEST), {"passed": 1, "failed": ["Cuda/Conv.B/0"], "skipped": 1})

    def test_sanitizer(self):
        self.assertEqual(gpu_check.sanitizer_errors("...\n========= ERROR SUMMARY: 0 errors\n"), 0)
        self.assertEqual(gpu_check.sanitizer_errors("========= ERROR SUMMARY: 1 error\n"), 1)
        self.assertEqual(gpu_check.sanitizer_errors(
            "========= RACECHECK SUMMARY: 3 hazards displayed (2 errors, 1 warning)\n"), 3)
        self.assertEqual(gpu_check.sanitizer_errors(
            "========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)\n"), 0)
        self.assertIsNone(gpu_check.sanitizer_errors("killed"))

    def test_losses(self):
        log = '{"event":"step","step":1,"loss":1.5}\n{"event":"epoch","step":1}\n{"event":"step","step":2,"loss":1.25}\n'
        self.assertEqual(gpu_check.losses(log), {1: 1.5, 2: 1.25})

    def test_comparison_of_losses(self):
        reference = {s: 1.0 for s in range(1, 31)}
        self.assertTrue(gpu_check.compare_losses({**reference, 5: 1.01}, reference)["agree"])
        worse = gpu_check.compare_losses({**reference, 5: 1.03}, reference)
        self.assertFalse(worse["agree"])
        self.assertEqual(worse["worst_step"], 5)
        self.assertTrue(gpu_check.compare_losses({**reference, 25: 2.0}, reference)["agree"])  # a late step
        self.assertFalse(gpu_check.compare_losses({**reference, 1: 1.001}, reference)["agree"])
        self.assertFalse(gpu_check.compare_losses({}, reference)["agree"])
        self.assertFalse(gpu_check.compare_losses({1: float("nan")}, {1: 1.0})["agree"])

    def test_bench_table(self):
        rows = gpu_check.bench_rows(BENCH)
        self.assertEqual(rows[0], ("conv/stem k50 s2/forward", "f32", {"ours": 20.0, "v1": 80.0, "cudnn": 30.0},
                                   {"ours": 900.0}))
        lines = gpu_check.bench_table(rows).splitlines()
        self.assertEqual(lines[1].split()[-7:], ["80.0", "-", "-", "-", "20.0", "30.0", "1.50"])
        self.assertEqual(lines[2].split()[-7:], ["-", "-", "-", "-", "5.0", "4.0", "0.80"])

    def test_gpu(self):
        gpu = gpu_check.gpu_of("NVIDIA H100 80GB HBM3, 580.65.06, 81559 MiB, 9.0\n")
        self.assertEqual((gpu["name"], gpu["driver"]), ("NVIDIA H100 80GB HBM3", "580.65.06"))
        self.assertEqual(gpu_check.gpu_of(""), {})


PROGRAM = '''#!{python}
import json, os, sys
from pathlib import Path
name = os.path.basename(sys.argv[0])
options = dict(a.split("=", 1) for a in sys.argv[1:] if "=" in a)
mood = Path({mood!r}).read_text()
if name == "bench_kernels":
    if mood == "no gpu":
        sys.exit("bench_kernels: device cuda: no GPU")
    if "--benchmark_out" in options:
        Path(options["--benchmark_out"]).write_text(json.dumps({bench!r}))
elif name == "bench_tiles":
    if mood == "no tiles":
        sys.exit("bench_tiles: no memory")
    assert sys.argv[1:4] == ["--device", "cuda", "--out"], sys.argv
    Path(sys.argv[4]).write_text("forward = []")
    print("3 shapes")
elif name == "compute-sanitizer":
    errors = int(mood == "racy" and "racecheck" in sys.argv)
    print(f"========= ERROR SUMMARY: {{errors}} errors")
    sys.exit(99 if errors else 0)
elif name.startswith("test_"):
    test = {{"name": "T", "classname": "Cuda", "result": "COMPLETED"}}
    if mood == "failing" and name == "test_kernels_cuda":
        test["failures"] = [{{}}]
    Path(options["--gtest_output"].removeprefix("json:")).write_text(
        json.dumps({{"testsuites": [{{"testsuite": [test]}}]}}))
    sys.exit("failures" in test)
elif name == "sectrain" and "--version" in sys.argv:
    print("sectrain 1.2.3 (abcdef)")
elif name == "sectrain":
    out = Path(sys.argv[sys.argv.index("--out") + 1])
    out.mkdir()
    loss = 2.0 if mood == "wrong loss" and "cuda" in sys.argv else 1.0
    (out / "log.jsonl").write_text(json.dumps({{"event": "step", "step": 1, "loss": loss}}))
    (out / "metrics.json").write_text(json.dumps(
        {{"history": [{{"samples_per_second": 10}}], "evaluations": [{{"macro_f1": 0.5}}]}}))
'''


COMPARE = '''
import json, sys
from pathlib import Path
mood = Path({mood!r}).read_text()
assert sys.argv[1:5] == ["--device", "cuda", "--bin", {bin!r}], sys.argv
out = Path(sys.argv[sys.argv.index("--out") + 1])
summary = {{"targets": [{{"what": "a", "met": True}}, {{"what": "b", "met": False}}], "not_measured": ["c"]}}
if mood == "no torch":
    summary["not_compared"] = "no torch"
out.write_text(json.dumps(summary))
out.with_suffix(".md").write_text("# Measured\\n")
if mood == "disagreeing":
    sys.exit("compare: FAILED: results disagree")
'''


class WholeRun(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        (self.root / "bin").mkdir()
        (self.root / "recipes").mkdir()
        (self.root / "recipes/quickstart.toml").write_text("")
        for name in ["bench_kernels", "bench_tiles", "compute-sanitizer", "sectrain", "secdata", "test_cuda", "test_kernels_cuda", "test_kernels_peers",
                     "test_train"]:
            program = self.root / "bin" / name
            program.write_text(PROGRAM.format(python=sys.executable, mood=str(self.root / "mood"), bench=BENCH))
            program.chmod(0o755)

        self.compare = self.root / "compare"
        self.compare.write_text(COMPARE.format(mood=str(self.root / "mood"), bin=str((self.root / "bin").resolve())))

    def tearDown(self):
        self.folder.cleanup()

    def check(self, mood):
        (self.root / "mood").write_text(mood)
        environment = dict(os.environ, PATH="/nonexistent")  # so that nvidia-smi is not found
        return subprocess.run([sys.executable, TOOL, "--bin", self.root / "bin", "--recipes", self.root / "recipes",
                               "--out", self.root / "out", "--sanitizer", self.root / "bin/compute-sanitizer", "--compare", self.compare],
                              capture_output=True, text=True, env=environment)

    def report(self):
        return json.loads((self.root / "out/gpu_check.json").read_text())

    def verdicts(self):
        return {step["name"]: step["verdict"] for step in self.report()["steps"]}

    def test_without_a_gpu_it_stops_with_one_line(self):
        done = self.check("no gpu")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "gpu_check: bench_kernels: device cuda: no GPU\n")
        self.assertFalse((self.root / "out").exists())

    def test_all_is_well(self):
        done = self.check("well")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        report = self.report()
        self.assertTrue(report["passed"])
        self.assertEqual(report["version"], "sectrain 1.2.3 (abcdef)")
        self.assertEqual(self.verdicts()["training"], "passed")
        self.assertIn("conv/stem k50 s2/forward", (self.root / "out/gpu_check.txt").read_text())

        comparison = report["steps"][-1]
        self.assertEqual((comparison["name"], comparison["verdict"], comparison["text"]),
                         ("comparison", "passed", "1 of 2 targets met; missed: b; NOT MEASURED: c"))
        self.assertIn("# Measured", (self.root / "out/gpu_check.txt").read_text())

        tiles = report["steps"][-2]
        self.assertEqual((tiles["name"], tiles["verdict"], tiles["text"]), ("tiles", "passed", "3 shapes"))
        self.assertEqual((self.root / "out/tiles.toml").read_text(), "forward = []")

    def test_without_tiles_it_fails(self):
        self.assertEqual(self.check("no tiles").returncode, 1)
        self.assertEqual(self.verdicts()["tiles"], "failed")
        self.assertEqual(self.verdicts()["comparison"], "passed")  # later steps still run

    def test_without_torch_it_says_so(self):
        self.assertEqual(self.check("no torch").returncode, 0)
        self.assertEqual(self.verdicts()["comparison"], "skipped")
        self.assertIn("NOT COMPARED with PyTorch: no torch", (self.root / "out/gpu_check.txt").read_text())

    def test_a_comparison_that_fails_fails_the_whole(self):
        self.assertEqual(self.check("disagreeing").returncode, 1)
        self.assertEqual(self.verdicts()["comparison"], "failed")

    def test_without_the_bench_it_says_so(self):
        self.compare.unlink()
        self.assertEqual(self.check("well").returncode, 0)
        self.assertEqual(self.verdicts()["comparison"], "skipped")

    def test_without_a_sanitizer_it_says_so(self):
        (self.root / "bin/compute-sanitizer").unlink()
        self.assertEqual(self.check("well").returncode, 0)
        self.assertEqual(self.verdicts()["racecheck"], "skipped")
        self.assertIn("racecheck: NOT RUN: there is no", (self.root / "out/gpu_check.txt").read_text())

    def test_what_a_sanitizer_finds_fails_the_whole(self):
        self.assertEqual(self.check("racy").returncode, 1)
        self.assertEqual((self.verdicts()["memcheck"], self.verdicts()["racecheck"]), ("passed", "failed"))

    def test_one_failing_step_fails_the_whole(self):
        self.assertEqual(self.check("failing").returncode, 1)
        self.assertFalse(self.report()["passed"])
        self.assertEqual(self.verdicts()["tests of the kernels"], "failed")
        self.assertEqual(self.verdicts()["tests of the engine"], "passed")

    def test_another_loss_fails(self):
        self.assertEqual(self.check("wrong loss").returncode, 1)
        self.assertEqual(self.verdicts()["training"], "failed")

    def test_a_missing_program_fails(self):
        (self.root / "bin/test_cuda").unlink()
        self.assertEqual(self.check("well").returncode, 1)
        self.assertEqual(self.verdicts()["tests of the engine"], "failed")


if __name__ == "__main__":
    unittest.main()
