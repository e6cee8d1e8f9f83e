#!/usr/bin/env python3
"""Tests tools/gpu_check: how it reads the programs' results, and whole runs in which stand-ins play the programs.

  gpu_check_test.py PATH_OF_GPU_CHECK
"""
import importlib.machinery
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

TOOL = Path(sys.argv.pop(1)).resolve()
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("gpu_check", str(TOOL))
gpu_check = importlib.util.module_from_spec(importlib.util.spec_from_loader("gpu_check", loader))
loader.exec_module(gpu_check)
results = gpu_check.results

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

NCU = '''==PROF== Connected to process 1
"ID","Kernel Name","Block Size","Grid Size","gpu__time_duration.sum"
"","","","","us"
"0","void sec::kernels::cuda::(anonymous namespace)::conv_fwd<bf16, (int)64, sec::Forward, (bool)1>(sec::Batch, int)","(128, 1, 1)","(64, 1, 1)","1,200.5"
"1","sec::adam(float*)","(256, 1, 1)","(9, 1, 1)","10"
"2","void sec::kernels::cuda::(anonymous namespace)::conv_fwd<bf16, (int)64, sec::Forward, (bool)1>(sec::Batch, int)","(128, 1, 1)","(64, 1, 1)","1,300.5"
'''


class Parsing(unittest.TestCase):
    def test_gtest(self):
        self.assertEqual(results.gtest_outcome(GTEST), {"passed": 1, "failed": ["Cuda/Conv.B/0"], "skipped": 1})

    def test_the_test_that_did_not_end(self):
        log = "[ RUN      ] A.B\n[       OK ] A.B (3 ms)\n[ RUN      ] A.C/cuda\n"
        self.assertEqual(results.unfinished_test(log), "A.C/cuda")
        self.assertEqual(results.unfinished_test(log + "[  FAILED  ] A.C/cuda, where x (1 ms)\n"), "")
        self.assertEqual(results.unfinished_test("killed"), "")

    def test_sanitizer(self):
        self.assertEqual(results.sanitizer_errors("...\n========= ERROR SUMMARY: 0 errors\n"), 0)
        self.assertEqual(results.sanitizer_errors("========= ERROR SUMMARY: 1 error\n"), 1)
        self.assertEqual(results.sanitizer_errors(
            "========= RACECHECK SUMMARY: 3 hazards displayed (2 errors, 1 warning)\n"), 3)
        self.assertEqual(results.sanitizer_errors(
            "========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)\n"), 0)
        self.assertIsNone(results.sanitizer_errors("killed"))

    def test_losses(self):
        log = '{"event":"step","step":1,"loss":1.5}\n{"event":"epoch","step":1}\n{"event":"step","step":2,"loss":1.25}\n'
        self.assertEqual(results.losses(log), {1: 1.5, 2: 1.25})

    def test_comparison_of_losses(self):
        reference = {s: 1.0 for s in range(1, 31)}
        self.assertTrue(results.compare_losses({**reference, 5: 1.01}, reference)["agree"])
        worse = results.compare_losses({**reference, 5: 1.03}, reference)
        self.assertFalse(worse["agree"])
        self.assertEqual(worse["worst_step"], 5)
        self.assertTrue(results.compare_losses({**reference, 25: 2.0}, reference)["agree"])  # a late step
        self.assertFalse(results.compare_losses({**reference, 1: 1.001}, reference)["agree"])
        self.assertTrue(results.compare_losses({**reference, 1: 1.001, 5: 1.1}, reference, "tf32")["agree"])
        self.assertFalse(results.compare_losses({**reference, 1: 1.02}, reference, "tf32")["agree"])
        self.assertTrue(results.compare_losses({**reference, 1: 1.02}, reference, "bf16")["agree"])
        self.assertFalse(results.compare_losses({}, reference)["agree"])
        self.assertFalse(results.compare_losses({1: float("nan")}, {1: 1.0})["agree"])

    def test_bench_table(self):
        rows = results.bench_rows(BENCH)
        self.assertEqual(rows[0], ("conv/stem k50 s2/forward", "f32", {"ours": 20.0, "v1": 80.0, "cudnn": 30.0},
                                   {"ours": 900.0}))
        lines = results.bench_table(rows).splitlines()
        self.assertEqual(lines[1].split()[-8:], ["80.0", "-", "-", "-", "20.0", "30.0", "-", "1.50"])
        self.assertEqual(lines[2].split()[-8:], ["-", "-", "-", "-", "5.0", "4.0", "-", "0.80"])
        fused = results.bench_table([("pre_activation/a/forward", "bf16", {"ours": 5.0, "cudnn_fused_f16": 7.0}, {})])
        self.assertEqual(fused.splitlines()[1].split()[-3:], ["5.0", "-", "7.0"])

    def test_errors_of_libraries_are_not_ours(self):
        report = {"benchmarks": [bench_run("conv/a/forward/bf16/" + who, 0, error_occurred=who != "v1")
                                 for who in ("cudnn", "ours", "v1", "cudnn_fused_f16")]}
        theirs, ours = results.bench_errors(report)
        self.assertEqual(theirs, [f"conv/a/forward/bf16/{who}/manual_time" for who in ("cudnn", "cudnn_fused_f16")])
        self.assertEqual(ours, ["conv/a/forward/bf16/ours/manual_time"])

    def test_steps(self):
        output = 'warning\n{"device": "cuda"}\n{"loaded": "a"}\n{"seconds": 0.5}\nstopped'
        self.assertEqual(results.step_answers(["load a b", "train 5", "train 20"], output)[1:],
                         [("load a b", {"loaded": "a"}), ("train 5", {"seconds": 0.5})])

    def test_kernel_times(self):
        self.assertEqual(results.kernel_times(NCU), [("conv_fwd<bf16, 64, Forward, 1>", "(64, 1, 1)", 2, 2501.0), ("adam", "(9, 1, 1)", 1, 10.0)])
        self.assertEqual(results.kernel_name("adam"), "adam")
        self.assertEqual(results.kernel_times("==ERROR== ERR_NVGPUCTRPERM"), [])

    def test_gpu(self):
        gpu = results.gpu_of("NVIDIA H100 80GB HBM3, 580.65.06, 81559 MiB, 9.0\n")
        self.assertEqual((gpu["name"], gpu["driver"]), ("NVIDIA H100 80GB HBM3", "580.65.06"))
        self.assertEqual(results.gpu_of(""), {})


# Plays every program. `mood` names what goes wrong.
PROGRAM = '''#!{python} -SE
import json, os, signal, subprocess, sys, time
from pathlib import Path
name = os.path.basename(sys.argv[0])
options = dict(a.split("=", 1) for a in sys.argv[1:] if "=" in a)
mood = Path({mood!r}).read_text()
print("libraries:", os.environ.get("LD_LIBRARY_PATH"), "filter:", os.environ.get("SEC_CPU_FILTER"), flush=True)
if name == "bench_kernels":
    bench = {bench!r}
    if mood == "unsupported":
        bench["benchmarks"][2]["error_occurred"] = True
    if mood == "broken row":
        bench["benchmarks"][0]["error_occurred"] = True
    Path(options["--benchmark_out"]).write_text(json.dumps(bench))
elif name == "bench_steps":
    cuda = "cuda" in sys.argv
    if mood == "no gpu" and cuda:
        sys.exit("bench_steps: device cuda: no GPU")
    print(json.dumps({{"device": "cuda"}}), flush=True)
    slower = {{"bf16": 1, "tf32": 2, "f32": 3}}[sys.argv[sys.argv.index("--precision") + 1]] if cuda else 9
    for line in sys.stdin:
        words = line.split()
        if mood == "slow f32" and slower == 3 and words[0] == "infer":
            time.sleep(1000)
        answer = {{"make": {{"made": ""}}, "load": {{"loaded": ""}}, "ceilings": {{"gflops": 9e5, "gbytes": 4e3}},
                  "peak": {{"tensors": 1}}, "gradients": {{"loss": 1}},
                  "profile": {{"seconds": 0.1, "kernels": [{{"name": "conv.forward", "calls": 3, "seconds": 0.05}}],
                              "layers": [], "tree": []}}}}.get(words[0])
        if words[0] == "make":
            assert not cuda
        if answer is None:
            answer = {{"seconds": 0.001 * slower * int(words[1])}}
        print(json.dumps(answer), flush=True)
elif name == "bench_tiles":
    if mood == "no tiles":
        sys.exit("bench_tiles: no memory")
    assert sys.argv[1:4] == ["--device", "cuda", "--out"], sys.argv
    Path(sys.argv[4]).write_text("forward = []")
    print("3 shapes")
elif name == "ncu":
    if mood == "no ncu":
        print("==ERROR== ERR_NVGPUCTRPERM - The user does not have permission")
        sys.exit(1)
    print({ncu!r})
elif name == "compute-sanitizer":
    if mood == "no sanitizer":
        print("========= Error: the device is not supported")
        sys.exit(1)
    errors = int(mood == "racy" and "racecheck" in sys.argv)
    print(f"========= ERROR SUMMARY: {{errors}} errors")
    sys.exit(99 if errors else 0)
elif name.startswith("test_"):
    test = {{"name": "T", "classname": "Cuda", "result": "COMPLETED"}}
    print("[ RUN      ] Cuda.T", flush=True)
    if mood == "rehearsal" and name == "test_step":
        os.kill(os.getpid(), signal.SIGSEGV)
    if (mood == "rehearsal" and name == "test_devices") or (mood == "hanging" and name == "test_cuda"):
        child = subprocess.Popen([sys.executable, "-SEc", "import signal, time; "
                                  "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)"])
        Path({pids!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
        time.sleep(1000)
    if mood == "failing" and name == "test_kernels_cuda":
        test["failures"] = [{{}}]
    Path(options["--gtest_output"].removeprefix("json:")).write_text(
        json.dumps({{"testsuites": [{{"testsuite": [test]}}]}}))
    sys.exit("failures" in test)
elif name == "sectrain" and "--version" in sys.argv:
    print("sectrain 1.2.3 (abcdef)")
elif name == "sectrain":
    assert os.environ["SEC_CPU_FILTER"] == "direct"
    out = Path(sys.argv[sys.argv.index("--out") + 1])
    out.mkdir()
    loss = 2.0 if mood == "wrong loss" and "cuda" in sys.argv else 1.0
    (out / "log.jsonl").write_text(json.dumps({{"event": "step", "step": 1, "loss": loss}}))
    (out / "metrics.json").write_text("{{" if mood == "bad metrics" else json.dumps(
        {{"history": [{{"samples_per_second": 10}}], "evaluations": [{{"macro_f1": 0.5}}]}}))
elif name == "secdata":
    Path(sys.argv[2]).mkdir()
'''


COMPARE = '''
import json, sys
from pathlib import Path
mood = Path({mood!r}).read_text()
assert sys.argv[1:5] == ["--device", "cuda", "--bin", {bin!r}], sys.argv
out = Path(sys.argv[sys.argv.index("--out") + 1])
summary = {{"targets": [{{"what": "a", "met": True}}, {{"what": "b", "met": False}}], "not_measured": ["c"],
           "cases": {{"long": {{"train": {{"ratio": 0.5, "best": "cuda_graph"}}}}}}}}
if mood == "no torch":
    summary["not_compared"] = "no torch"
    summary["cases"] = {{}}
out.write_text(json.dumps(summary))
out.with_suffix(".md").write_text("# Measured\\n")
if mood == "disagreeing":
    sys.exit("compare: FAILED: results disagree")
'''

# A Python of a virtual environment whose site-packages have NVIDIA's libraries.
TORCH = '''#!/bin/sh
case "$2" in
  *sys.path*) printf '%s\\n' '' {site} ;;
  *numpy*) echo 1 ;;
  *) exec {python} "$@" ;;
esac
'''

PROGRAMS = ["bench_kernels", "bench_steps", "bench_tiles", "compute-sanitizer", "ncu", "sectrain", "secdata", "secmodel",
            *gpu_check.TESTS]


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


class Runs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name).resolve()
        self.out = self.root / "out"
        for folder in ("bin", "recipes", "site/nvidia/cudnn/lib", "site/nvidia/cu13/lib", "site/nvidia/nccl/lib"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "recipes/quickstart.toml").write_text("")
        self.mood = self.root / "mood"
        self.pids = self.root / "pids"
        program = PROGRAM.format(python=sys.executable, mood=str(self.mood), bench=BENCH, ncu=NCU, pids=str(self.pids))
        for name in PROGRAMS:
            self.script("bin/" + name, program)
        self.compare = self.script("compare", COMPARE.format(mood=str(self.mood), bin=str(self.root / "bin")))
        self.torch = self.script("python", TORCH.format(python=sys.executable, site=self.root / "site"))

    def script(self, name, text):
        path = self.root / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def command(self, *options):
        return [sys.executable, TOOL, "--bin", self.root / "bin", "--recipes", self.root / "recipes", "--out", self.out,
                "--sanitizer", self.root / "bin/compute-sanitizer", "--ncu", self.root / "bin/ncu", "--compare", self.compare,
                "--torch", self.torch, *options]

    def environment(self):
        return dict(os.environ, PATH="/nonexistent", LD_LIBRARY_PATH="/before")  # so that nvidia-smi is not found

    def check(self, mood, *options):
        self.mood.write_text(mood)
        return subprocess.run(self.command(*options), capture_output=True, text=True, env=self.environment())

    def report(self):
        return json.loads((self.out / "gpu_check.json").read_text())

    def parts(self):
        return {part["name"]: part for part in self.report()["parts"]}

    def verdict(self, mood, part):
        """Runs one part; checks that the exit status fits its verdict."""
        done = self.check(mood, "--parts", part)
        found = self.parts()[part]
        self.assertEqual(done.returncode, found["verdict"] == "failed", done.stdout + done.stderr)
        return found["verdict"], found["text"]

    def test_all_is_well(self):
        done = self.check("well")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        report = self.report()
        self.assertEqual((report["passed"], report["complete"], report["verdict"]), (True, True, "passed"))
        self.assertEqual(report["version"], "sectrain 1.2.3 (abcdef)")
        parts = self.parts()
        self.assertEqual({part["verdict"] for part in parts.values()}, {"passed"}, parts)
        first = "gpu_check: passed; training step, 64x8x5000: bf16 1.00 ms, tf32 2.00 ms, f32 3.00 ms"
        text = (self.out / "gpu_check.txt").read_text()
        self.assertEqual(text.splitlines()[0], first)
        self.assertEqual(done.stdout.splitlines()[-1], first)
        for found in ("conv/stem k50 s2/forward", "conv_fwd<bf16, 64, Forward, 1> (64, 1, 1)", "conv.forward", "# Measured"):
            self.assertIn(found, text)
        self.assertEqual(parts["comparison"]["text"],
                         "train, long: 0.50 x cuda_graph; 1 of 2 targets met; missed: b; NOT MEASURED: c")
        self.assertEqual(parts["tiles"]["text"], "3 shapes; bf16 step 1.00 ms, with these tiles 1.00 ms; "
                                                 "tf32 step 2.00 ms, with these tiles 2.00 ms")
        self.assertEqual((self.out / "tiles.toml").read_text(), "forward = []")
        self.assertEqual(parts["ncu"]["heaviest"], ["conv_fwd", "adam"])
        self.assertEqual(sorted(path.name for path in self.out.iterdir()), [
            "compare.json", "compare.md", "gpu_check.json", "gpu_check.txt", "logs.txt", "tiles.toml"])
        # cuDNN and cuBLAS of the Python's site-packages come first.
        folders = f"{self.root}/site/nvidia/cudnn/lib:{self.root}/site/nvidia/cu13/lib:/before"
        log = (self.out / "logs.txt").read_text()
        self.assertIn(f"libraries: {folders} filter: None", log)
        self.assertIn(f"libraries: {folders} filter: direct", log)
        self.assertIn("=== training\n", log)

    def test_rehearsal_with_a_crash_and_a_hang(self):
        began = time.monotonic()
        done = self.check("rehearsal", "--budget", "14", "--rehearse", "0.04")
        self.assertLess(time.monotonic() - began, 30)
        report, parts = self.report(), self.parts()
        self.assertEqual((done.returncode, report["passed"], report["complete"]), (1, False, True))
        self.assertEqual(len(parts), 22)
        self.assertEqual(parts["test_step"]["verdict"], "failed")
        self.assertEqual(parts["test_devices"]["verdict"], "failed")
        self.assertRegex(parts["test_devices"]["text"], "no time: stopped after")
        self.assertEqual((parts["comparison"]["verdict"], parts["comparison"]["text"]), ("skipped", "no time"))
        self.assertRegex((self.out / "gpu_check.txt").read_text().splitlines()[0],
                         "^gpu_check: FAILED: .*test_step.*; training step, 64x8x5000: bf16 ")
        if self.pids.exists():  # the hanging program and its child, if it got so far, have been killed
            self.assertEqual([pid for pid in self.pids.read_text().split() if is_running(pid)], [])

    def test_a_crash_names_its_test(self):
        verdict, text = self.verdict("rehearsal", "test_step")
        self.assertEqual((verdict, text.split(":")[0]), ("failed", f"exit status -{signal.SIGSEGV.value} in Cuda.T"))

    def test_a_hang_ends_with_its_group_and_names_its_test(self):
        done = self.check("hanging", "--parts", "device,test_cuda,test_train", "--budget", "60", "--rehearse", "0.4")
        self.assertEqual(done.returncode, 1)
        parts = self.parts()
        self.assertRegex(parts["test_cuda"]["text"], r"^no time: stopped after \d+ s: .* Cuda.T$")
        self.assertEqual([parts[name]["verdict"] for name in ("device", "test_cuda", "test_train")],
                         ["passed", "failed", "passed"])
        self.assertEqual([pid for pid in self.pids.read_text().split() if is_running(pid)], [])

    def test_a_run_that_is_cut_off_leaves_its_report(self):
        self.mood.write_text("hanging")
        for end in (signal.SIGTERM, signal.SIGKILL):
            self.pids.unlink(missing_ok=True)
            run = subprocess.Popen(self.command("--parts", "device,steps,test_cuda,test_train"), stdout=subprocess.DEVNULL,
                                   env=self.environment())
            # test_cuda is the second part, whatever the order in --parts.
            while not self.pids.exists() or len(self.pids.read_text().split()) < 2:
                time.sleep(0.05)
            run.send_signal(end)
            run.wait(30)
            report = self.report()
            verdicts = [part["verdict"] for part in report["parts"]]
            if end == signal.SIGTERM:
                self.assertEqual((verdicts, run.returncode), (["passed", "skipped", "skipped", "skipped"], 1))
                self.assertEqual(report["verdict"], "interrupted (3 skipped)")
                self.assertEqual([pid for pid in self.pids.read_text().split() if is_running(pid)], [])
            else:  # what had been done is there; what ran was writing its log
                self.assertEqual((verdicts, report["complete"]), (["passed"], False))
                self.assertIn("so far, 1 of 4 parts", report["verdict"])
                self.assertIn("RUN      ] Cuda.T", (self.out / "running.log").read_text())
                for pid in self.pids.read_text().split():
                    os.kill(int(pid), signal.SIGKILL)

    def test_without_a_gpu_every_part_says_so(self):
        done = self.check("no gpu", "--budget", "470")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        parts = self.parts()
        self.assertEqual(len(parts), 22)
        self.assertEqual({(part["verdict"], part["text"]) for part in parts.values()},
                         {("no device", "bench_steps: device cuda: no GPU")})
        self.assertRegex((self.out / "gpu_check.txt").read_text(),
                         "^gpu_check: no device: bench_steps: device cuda: no GPU; training step, 64x8x5000: bf16 not measured")

    def test_what_was_measured_of_steps_is_kept(self):
        done = self.check("slow f32", "--parts", "steps", "--budget", "10", "--rehearse", "0.1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("f32: no time", self.parts()["steps"]["text"])
        self.assertIn("bf16 1.00 ms, tf32 2.00 ms, f32 3.00 ms", (self.out / "gpu_check.txt").read_text().splitlines()[0])

    def test_an_unexpected_result_is_that_parts_failure(self):
        done = self.check("bad metrics", "--parts", "training,test_kernels_peers")
        self.assertEqual(done.returncode, 1)
        self.assertIn("JSONDecodeError", self.parts()["training"]["text"])
        self.assertEqual(self.parts()["test_kernels_peers"]["verdict"], "passed")

    def test_each_failure_fails_the_whole(self):
        for mood, part, reason in (
                ("no tiles", "tiles", "no memory"), ("racy", "racecheck of the tests of races", "1 errors"),
                ("failing", "test_kernels_cuda", "1 failed"), ("wrong loss", "training", "1.0e+00 in the first step"),
                ("disagreeing", "PyTorch", "results disagree"), ("broken row", "kernels", "1 of ours could not be run")):
            with self.subTest(mood):
                verdict, text = self.verdict(mood, part)
                self.assertEqual(verdict, "failed")
                self.assertIn(reason, text)

    def test_what_this_machine_lacks_is_skipped(self):
        for mood, part, reason in (("no torch", "PyTorch", "NOT COMPARED with PyTorch: no torch"),
                                   ("no ncu", "ncu", "does not work here: ==ERROR== ERR_NVGPUCTRPERM"),
                                   ("no sanitizer", "memcheck", "does not work here: ========= Error"),
                                   ("unsupported", "kernels", "NOT MEASURED: 1 of libraries")):
            with self.subTest(mood):
                verdict, text = self.verdict(mood, part)
                self.assertEqual(verdict, "skipped")
                self.assertIn(reason, text)
        for name, part in (("ncu", "ncu"), ("compute-sanitizer", "racecheck of the tests of races")):
            (self.root / "bin" / name).unlink()
            verdict, text = self.verdict("well", part)
            self.assertEqual(verdict, "skipped")
            self.assertIn("there is no", text)

    def test_missing_programs_are_not_measured(self):
        for name, part in (("test_cuda", "test_cuda"), ("bench_tiles", "tiles"), ("secdata", "training")):
            (self.root / "bin" / name).unlink()
            self.assertEqual(self.verdict("well", part), ("not measured", f"there is no {name}"))
        self.compare.unlink()
        self.assertEqual(self.verdict("well", "PyTorch")[0], "not measured")

    def test_wrong_usage(self):
        self.assertEqual(self.check("well", "--budget", "0").returncode, 2)
        self.assertEqual(self.check("well", "--parts", "unknown").returncode, 2)
        (self.root / "bin/bench_steps").unlink()
        done = self.check("well")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("there is no bench_steps; expected the programs of the cuda build", done.stderr)

    def test_a_python_that_does_not_run_has_no_libraries(self):
        self.assertEqual(gpu_check.library_folders("/nonexistent/python"), [])
        self.assertEqual(gpu_check.library_folders(str(self.torch)),
                         [f"{self.root}/site/nvidia/cudnn/lib", f"{self.root}/site/nvidia/cu13/lib"])


if __name__ == "__main__":
    unittest.main()
