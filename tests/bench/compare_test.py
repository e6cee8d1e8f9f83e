#!/usr/bin/env python3
"""Tests bench/compare: its arithmetic, and whole runs in which stand-ins play the programs.

  compare_test.py PATH_OF_BENCH_KERNELS
"""
import array
import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCH_KERNELS = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else None
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "bench/report"))
import comparison  # noqa: E402
import floors  # noqa: E402
import kernel_rows  # noqa: E402
import tables  # noqa: E402
import throughput  # noqa: E402


def f32(*values):
    return array.array("f", values)


class Arithmetic(unittest.TestCase):
    def test_quartiles(self):
        self.assertEqual(comparison.quartiles([3, 1, 2]), [1, 3])
        self.assertEqual(comparison.quartiles([1, 2, 3, 4, 5, 6, 7]), [2, 6])
        self.assertEqual(comparison.spread([4, 1, 2])["median"], 2)

    def test_gradients(self):
        exact = {"a": f32(3, 0), "b": f32(4)}  # the norm of all values is 5
        self.assertEqual(comparison.compare_gradients(exact, exact)[0], 0)
        self.assertEqual(comparison.compare_gradients({"a": f32(3, 0), "b": f32(5)}, exact), (0.2, "b"))
        self.assertEqual(comparison.compare_gradients({"a": f32(3, 0)}, exact), (float("inf"), "b"))
        self.assertEqual(comparison.compare_gradients({"a": f32(3), "b": f32(4)}, exact), (float("inf"), "a"))
        wrong = comparison.compare_gradients({"a": f32(float("nan"), 0), "b": f32(4)}, exact)[0]
        self.assertFalse(comparison.agree(1, 1, wrong, 0))

    def test_gradients_without_numpy(self):
        found = []
        for library in (comparison.numpy, None):
            comparison.numpy, before = library, comparison.numpy
            found.append(comparison.compare_gradients({"a": f32(3, 1), "b": f32(5)}, {"a": f32(3, 0), "b": f32(4)}))
            comparison.numpy = before
        self.assertEqual(found[0], found[1])

    def test_a_peer_that_stops_in_a_later_round_is_left_out(self):
        class Worker:
            def __init__(self, name, rounds):
                self.name, self.rounds = name, rounds

            def ask(self, *_):
                self.rounds -= 1
                if self.rounds < 0:
                    raise comparison.PeerError(f"{self.name}: out of memory")
                return {"seconds": 0.5}
        failed = []
        times = comparison.take_turns([Worker("sec", 9), Worker("peer", 2)], ["train"], 3, 1,
                                      lambda who, error: failed.append((who, str(error))))
        self.assertEqual((times, failed), ({"sec": [0.25] * 3}, [("peer", "peer: out of memory")]))

    def test_agreement(self):
        self.assertTrue(comparison.agree(1.00005, 1, 9e-4, 0))
        self.assertFalse(comparison.agree(1.001, 1, 0, 0))
        self.assertFalse(comparison.agree(1, 1, 6e-3, 0))
        self.assertTrue(comparison.agree(1, 1, 8e-3, 4e-3))  # accepted, as PyTorch's distance is equally large
        self.assertFalse(comparison.agree(1, 1, 0.2, 0.2))  # the distance is larger than the limit for any peer
        self.assertFalse(comparison.agree(float("nan"), 1, 0, 0))
        self.assertTrue(comparison.agree(1.005, 1, 0.2, 0.1, "tf32"))
        self.assertFalse(comparison.agree(1, 1, 0.9, 0.9, "bf16"))

    def test_the_best_peer_is_named(self):
        result = comparison.compare_times({"sec": [1, 1, 2], "eager": [3, 3, 6], "compile": [2, 2, 4]}, ["sec"], 8)
        self.assertEqual((result["best"], result["ratio"], result["quartiles"]), ("compile", 2, [2, 2]))
        self.assertEqual(result["sec"]["samples_per_second"], 8)
        self.assertEqual(result["peers"]["eager"]["ratio"], 3)
        self.assertNotIn("best", comparison.compare_times({"sec": [1]}, ["sec"], 8))

    def test_the_best_of_ours_counts(self):
        result = comparison.compare_times({"sec": [4, 4], "sec tf32": [1, 2], "eager": [3, 6]}, ["sec", "sec tf32"], 8)
        self.assertEqual((result["sec"]["who"], result["ratio"]), ("sec tf32", 3))
        self.assertEqual(result["ours"]["sec"]["ratio"], (3 / 4 + 6 / 4) / 2)

    def test_floors_count_the_network(self):
        convs = floors.convolutions(8, 5000, 32)
        self.assertEqual(len(convs), 103)
        macs = sum(floors.outputs(l, k, s, p) * h * i * o * k for l, h, i, o, k, s, p in convs)
        self.assertAlmostEqual(macs * 1e-9, 1.98, places=2)  # published counts include padding
        self.assertLess(sum(map(floors.products, convs)), macs)
        self.assertGreater(sum(map(floors.products, convs)), 0.95 * macs)
        self.assertEqual(floors.products((5, 2, 3, 4, 3, 1, 1)), (3 * 5 - 2) * 2 * 3 * 4)
        row = floors.rates(2e9, 1e9, 0.5, {"gflops": 8, "gbytes": 5})
        self.assertEqual((row["gflops"], row["gbytes"], row["percent"], row["bound"]), (4, 2, 50, "fma"))

    def test_kernel_rows(self):
        def run(who, repetition, family, cpu, **more):
            return {"name": "x", "run_name": f"conv/L2 k3/dgrad/f32/{who}/t2/real_time", "run_type": "iteration",
                    "repetition_index": repetition, "family_index": family, "cpu_time": 1, "real_time": cpu,
                    "time_unit": "us", "label": "fma", "GFLOP/s": 10, "GB/s": 1, "percent": 50, **more}
        report = {"benchmarks": [run("dnnl", 1, 9, 8), run("ours", 1, 3, 4), run("ours", 0, 3, 2), run("dnnl", 0, 9, 6),
                                 run("v1", 0, 10, 1, error_occurred=True, error_message="wrong"),
                                 {**run("ours", 0, 3, 1), "run_type": "aggregate"}]}
        rows = kernel_rows.read_rows(report)
        self.assertEqual([r["who"] for r in rows], ["ours", "dnnl", "v1"])
        self.assertEqual(rows[0]["times"], [2e-6, 4e-6])
        self.assertEqual(rows[2]["error"], "wrong")
        pair, = kernel_rows.compare_rows(rows)
        self.assertEqual((pair["ratio"], pair["quartiles"], pair["library"]), (2.5, [2, 3], "dnnl"))
        low, = kernel_rows.lowest_ratios([pair, {**pair, "ratio": 0.5, "shape": "slow"}], "conv", "dnnl")
        self.assertEqual((low["shapes"], low["ratio"], low["shape"], low["not_slower"]), (2, 0.5, "slow", 1))
        total, = kernel_rows.conv_totals(rows)
        self.assertAlmostEqual(total["percent"], 50)
        self.assertEqual(kernel_rows.parse_name("relu/624x256/forward/bf16/cudnn/manual_time")["threads"], None)
        self.assertIsNone(kernel_rows.parse_name("something/else"))

    def test_throughput_leaves_out_validation_and_the_beginning(self):
        def step(n):
            return {"event": "step", "step": n}
        lines = [(0, step(4)), (100, step(8)), (101, step(12)), (103, step(16)), (150, {"event": "epoch"}),
                 (151, step(20)), (152, step(24))]
        self.assertEqual(throughput.rate(lines, 10), 12 * 10 / 4)
        self.assertIsNone(throughput.rate(lines[:2], 10))

    def test_numbers(self):
        self.assertEqual([tables.number(v) for v in (0, 1234.5, 12.34, 0.01234, None)],
                         ["0", "1234", "12.3", "0.0123", "-"])
        self.assertEqual([tables.time_text(v) for v in (2, 0.01234, 5e-6, 5e-9)], ["2.00 s", "12.3 ms", "5.00 us",
                                                                                  "5.00 ns"])


# A stand-in for each program that a run needs. The name by which it is called selects its behaviour.
# The stand-in for PyTorch takes 3 times as long as its f32, its tf32 half as long. Environment variables plant errors.
PRETENDER = f"""#!{sys.executable}
import array, os, sys, time
sys.path.insert(0, {str(ROOT / "bench/report")!r})
import json
from comparison import write_safetensors
name = os.path.basename(sys.argv[0])
planted = os.environ.get("PLANTED", "")

def value_of(option, fallback=""):
    return sys.argv[sys.argv.index(option) + 1] if option in sys.argv else fallback

device = value_of("--device", "cpu")
if name == "bench_kernels":
    out = next(a.split("=", 1)[1] for a in sys.argv if a.startswith("--benchmark_out="))
    if planted == "no fused":
        print("NOT MEASURED: pre_activation: none", file=sys.stderr)
    def row(what, who, us):
        return dict(name=what, run_name=f"{{what}}/{{who}}/manual_time", real_time=us, cpu_time=us, time_unit="us",
                    label="fma", percent=40, family_index=0, **{{"GFLOP/s": 10, "GB/s": 1}})
    rows = [row("conv/L2 k3/forward/f32", "ours", 10), row("conv/L2 k3/forward/f32", "cudnn", 12),
            row("conv/L9 k7/forward/f32", "ours", 10), row("conv/L9 k7/forward/f32", "cudnn", 9)]
    errors = dict(unsupported=("cudnn", "not supported"), different=("cudnn", "the results differ by 1.0e+00 of their length"),
                  no_engine=("cudnn_fused_f16", "no engine supports the graph"), broken=("ours", "no memory"))
    if planted in errors:
        who, message = errors[planted]
        rows += [dict(row("conv/stem/forward/bf16", who, 1), error_occurred=True, error_message=message)]
    if planted != "no fused":
        rows += [row("pre_activation/L2 k3/forward/f32", who, us) for who, us in (("ours", 10), ("cudnn", 25),
                                                                                   ("separate", 30))]
    with open(out, "w") as file:
        json.dump(dict(context=dict(batches="64"), benchmarks=rows), file)
    sys.exit()
if name in ("secdata", "secmodel"):
    sys.exit()
if name == "sectrain":
    out = value_of("--out")
    os.makedirs(out, exist_ok=True)
    with open(f"{{out}}/log.jsonl", "w") as log:
        for step in range(4, 44, 4):
            print(json.dumps(dict(event="step", step=step)), file=log, flush=True)
            time.sleep(0.02)
    with open(f"{{out}}/metrics.json", "w") as file:
        json.dump(dict(evaluations=[dict(macro_f1=0.5)]), file)
    sys.exit(planted == "no training")
torch = "torch_steps.py" in " ".join(sys.argv)
precision = value_of("--precision", "f32")
if torch and planted == "no torch":
    print(json.dumps(dict(error="python3: no torch")))
    sys.exit()
if device == "cuda" and planted == "no gpu":
    sys.exit("bench_steps: device cuda: no GPU")
if precision == "bf16" and "bf16" not in planted:
    sys.exit("bench_steps: no bf16 here")
slower, variant = (3 if torch else dict(f32=1, tf32=0.5, bf16=0.25)[precision]), ""
print(json.dumps({{"version": "1", "threads": 2, "device": device, "isa": "none", "gpu": "G", "cuda": "1", "cudnn": 2}}
                 if device == "cuda" else {{"version": "1", "threads": 2, "device": device, "isa": "none"}}), flush=True)
for line in sys.stdin:
    words = line.split()
    answer = {{}}
    if torch:
        print("a library says something")
    if words[0] == "make":
        assert not torch and device == "cpu" and os.path.isdir(words[2])
    if words[0] == "variant":
        variant = words[1]
    if words[0] in ("train", "infer"):
        answer = {{"seconds": slower * 0.1 * int(words[1])}}
        if variant == "compile":
            answer = {{"error": "no compiler"}}
        if variant == "cuda_graph" and words[0] == "infer":
            answer = {{"error": "out of memory"}}
    if words[0] == "gradients" and planted == "no bf16 in torch" and words[2:] == ["bf16"]:
        answer = {{"error": "no kernel for this shape"}}
    elif words[0] == "gradients":
        wrong = 1.1 if planted == "wrong" and not torch else 1
        write_safetensors(words[1], {{"w": ("F32", [2], array.array("f", [3, 4 * wrong]))}})
        answer = {{"loss": 2.5}}
    if words[0] == "profile":
        kernels = [{{"name": "conv.forward", "calls": 3, "seconds": 0.06}}, {{"name": "relu", "calls": 1, "seconds": 0.03}}]
        answer = {{"seconds": 0.1, "kernels": kernels, "layers": kernels, "tree": []}}
    if words[0] == "ceilings":
        answer = {{"gflops": 1e6, "gbytes": 1e4}} if device == "cuda" else {{"gflops": 100, "gbytes": 10}}
    if words[0] == "peak":
        answer = {{"resident": slower * 2**20}}
        if device == "cuda":
            answer.update(tensors=slower * 2**30, reserved=slower * 2**31)
    print(json.dumps(answer), flush=True)
"""


class WholeRuns(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        for name in ("bench_steps", "bench_kernels", "sectrain", "secdata", "secmodel"):
            program = Path(self.folder.name) / name
            program.write_text(PRETENDER)
            program.chmod(0o755)
        self.program = Path(self.folder.name) / "bench_steps"

    def compare(self, *options, planted="", parts=("--parts", "steps")):
        return subprocess.run([sys.executable, str(ROOT / "bench/compare"), "--bin", self.folder.name, "--torch",
                               str(self.program), *parts, "--rounds", "2", "--seconds", "0.1", *options],
                              capture_output=True, text=True, env={**os.environ, "PLANTED": planted}, check=False)

    def test_from_checks_to_tables_and_files(self):
        out = Path(self.folder.name) / "sub/result.json"
        done = self.compare("--cases", "beats,long", "--out", str(out))
        self.assertEqual(done.returncode, 0, done.stderr)
        summary = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(summary, json.loads(out.read_text()))
        self.assertEqual(summary["cases"]["beats"]["train"]["best"], "eager")
        self.assertAlmostEqual(summary["cases"]["beats"]["train"]["ratio"], 3)
        self.assertAlmostEqual(summary["cases"]["beats"]["infer1"]["sec"]["samples_per_second"], 10)
        self.assertEqual(len(summary["not_measured"]), 2)  # compile is missing in each of the two cases
        self.assertIn("no compiler", summary["not_measured"][0])
        met = {target["what"]: target["met"] for target in summary["targets"]}
        self.assertFalse(met["beats: train, x the best of PyTorch"])  # the ratio is 3, the target 4
        self.assertTrue(met["long: train, x the best of PyTorch"])
        self.assertTrue(met["long: memory, x PyTorch's"])
        self.assertIn("3.00 (3.00 to 3.00)", done.stdout)
        markdown = out.with_suffix(".md").read_text()
        self.assertIn("| beats | train | 100 ms |", markdown)
        # Two drawings of the same summary with an added kernel row must be well-formed and equal.
        summary["kernels"] = {"rows": [{"operation": "conv", "shape": "<L2>", "pass": "dgrad", "type": "f32",
                                        "threads": 2, "who": "ours", "gflops": 50, "gbytes": 5, "seconds": 1,
                                        "percent": 50, "bound": "fma"}], "ratios": [], "convolutions": []}
        out.write_text(json.dumps(summary))
        drawn = []
        for _ in range(2):
            subprocess.run([sys.executable, str(ROOT / "bench/figures"), "--folder", self.folder.name, str(out)], check=True,
                           capture_output=True)
            drawn.append([Path(self.folder.name, name).read_text() for name in ("roofline.svg", "step-time.svg")])
        self.assertEqual(drawn[0], drawn[1])
        for text in drawn[0]:
            xml.etree.ElementTree.fromstring(text)
        self.assertIn("conv.forward", drawn[0][1])

    def test_wrong_gradients_end_in_failure(self):
        done = self.compare("--cases", "beats", "--variants", "eager", planted="wrong")
        self.assertEqual(done.returncode, 1)
        self.assertIn("DISAGREE", done.stdout)
        self.assertIn("FAILED: results disagree: loss or gradients in beats", done.stderr)

    def on_cuda(self, *options, planted="", data=True):
        """All parts of a run on a stand-in for a GPU."""
        out = Path(self.folder.name) / "cuda.json"
        options = ["--device", "cuda", "--out", str(out), *(["--data", self.folder.name] if data else []), *options]
        done = self.compare(*options, planted=planted, parts=())
        return done, json.loads(out.read_text()) if out.exists() else None, out

    def test_all_of_a_gpu(self):
        done, summary, out = self.on_cuda("--cases", "beats,long")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        beats = summary["cases"]["beats"]
        self.assertEqual(sorted(beats["train"]["ours"]), ["sec", "sec tf32"])
        self.assertEqual(sorted(beats["train"]["peers"]),
                         ["amp_bf16", "amp_bf16+channels_last+cuda_graph", "amp_bf16+compile", "amp_bf16+cuda_graph",
                          "channels_last", "cuda_graph", "eager"])
        self.assertEqual(beats["train"]["sec"]["who"], "sec tf32")
        self.assertAlmostEqual(beats["train"]["ratio"], 6)
        self.assertAlmostEqual(beats["train"]["ours"]["sec"]["ratio"], 3)
        self.assertEqual(beats["infer"]["batch"], 256)
        self.assertAlmostEqual(beats["infer"]["sec"]["samples_per_second"], 256 / 0.05)
        self.assertNotIn("cuda_graph", beats["infer"]["peers"])  # one variant ran out of memory; the others went on
        left_out = " ".join(summary["not_measured"])
        for text in ("sec bf16 ended with status 1: bench_steps: no bf16 here", "no compiler",
                     "beats, infer, cuda_graph: out of memory"):
            self.assertIn(text, left_out)
        self.assertEqual((beats["memory"]["what"], beats["reserved"]["what"]), ("tensors", "reserved"))
        self.assertAlmostEqual(beats["memory"]["ratio"], 0.5 / 3)
        self.assertEqual(list(beats["agreement"]), ["f32", "tf32"])
        met = {target["what"]: target for target in summary["targets"]}
        self.assertTrue(met["beats: train, x the best of PyTorch"]["met"])
        self.assertTrue(met["beats: infer, batch 256, x the best of PyTorch"]["met"])
        self.assertEqual(met["long: train, x the counted floor"]["target"], "<= 2")
        conv = next(t for what, t in met.items() if what.startswith("convolution, f32, forward: the lowest"))
        self.assertEqual((conv["met"], round(conv["value"], 3)), (False, 0.9))  # one of two shapes is slower
        self.assertIn("L9 k7; 1 are no slower", conv["what"])
        fused = next(t for what, t in met.items() if what.startswith("fused, f32, forward: the lowest"))
        self.assertEqual((fused["met"], fused["value"]), (True, 2.5))
        self.assertEqual(met["recipe from files to scores, s"]["target"], "<= 20")
        self.assertTrue(met["recipe from files to scores, s"]["met"])
        self.assertIn("sectrain, x the bare step", met)
        self.assertEqual(summary["recipe"]["macro_f1"], 0.5)
        markdown = out.with_suffix(".md").read_text()
        for text in ("| beats | infer, batch 256 |", "sec tf32", "reserved on the device", "in tf32", "PyTorch 1, G, CUDA 1",
                     "| 3.00 (3.00 to 3.00) separate |", "50.0 %"):
            self.assertIn(text, markdown)

    def test_without_torch_ours_are_measured_alone(self):
        done, summary, _ = self.on_cuda("--cases", "beats", planted="no torch", data=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("NOT COMPARED with PyTorch: torch: python3: no torch", done.stdout)
        self.assertEqual(summary["cases"]["beats"]["train"]["peers"], {})
        self.assertNotIn("ratio", summary["cases"]["beats"]["train"])
        self.assertIn("recipe: no --data, which MIT-BIH would be in", summary["not_measured"])
        self.assertIn("beats: train, x the counted floor", [target["what"] for target in summary["targets"]])

    def test_our_bf16_counts_where_it_is(self):
        _, summary, _ = self.on_cuda("--cases", "beats", "--variants", "eager", planted="bf16", data=False)
        self.assertEqual(summary["cases"]["beats"]["train"]["sec"]["who"], "sec bf16")
        self.assertAlmostEqual(summary["cases"]["beats"]["train"]["ratio"], 12)

    def test_one_part_that_fails_leaves_the_others(self):
        done, summary, _ = self.on_cuda("--cases", "beats", "--variants", "eager", planted="no training")
        self.assertEqual(done.returncode, 1)
        self.assertIn("compare: FAILED: sectrain: sectrain ended with status 1", done.stderr)
        self.assertIn("kernels", summary)
        self.assertIn("recipe: sectrain ended", summary["failed"][1])

    def test_what_the_kernels_lack_is_said(self):
        done, summary, _ = self.on_cuda("--parts", "kernels", planted="no fused")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("kernels: NOT MEASURED: pre_activation: none", summary["not_measured"])

    def test_what_a_library_cannot_compute_is_not_measured(self):
        done, summary, _ = self.on_cuda("--parts", "kernels", planted="unsupported")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((summary["disagree"], summary["failed"]), ([], []))
        self.assertIn("kernels: conv/stem/forward/bf16/cudnn: not supported", summary["not_measured"])
        done, summary, _ = self.on_cuda("--parts", "kernels", planted="no_engine")
        self.assertEqual((done.returncode, summary["disagree"], summary["failed"]), (0, [], []))
        self.assertIn("kernels: conv/stem/forward/bf16/cudnn_fused_f16: no engine supports the graph",
                      summary["not_measured"])
        done, summary, _ = self.on_cuda("--parts", "kernels", planted="different")
        self.assertEqual((done.returncode, len(summary["disagree"]), summary["failed"]), (1, 1, []))
        done, summary, _ = self.on_cuda("--parts", "kernels", planted="broken")
        self.assertEqual((done.returncode, summary["disagree"]), (1, []))
        self.assertEqual(summary["failed"], ["kernels: conv/stem/forward/bf16/ours: no memory"])

    def test_one_precision_and_a_peer_without_it(self):
        done, summary, _ = self.on_cuda("--parts", "steps", "--cases", "beats", "--variants", "eager", "--precisions", "bf16",
                                        planted="no bf16 in torch")
        self.assertEqual(done.returncode, 0, done.stderr)
        beats = summary["cases"]["beats"]
        self.assertEqual((list(beats["train"]["ours"]), beats["agreement"]), (["sec bf16"], {}))
        self.assertAlmostEqual(beats["train"]["ratio"], 12)
        self.assertIn("beats, agreement: torch: no kernel for this shape", summary["not_measured"])

    def test_without_a_gpu_one_line_and_no_files(self):
        done, summary, _ = self.on_cuda(planted="no gpu")
        self.assertEqual((done.returncode, done.stdout, summary), (1, "", None))
        self.assertEqual(done.stderr, "compare: sec ended with status 1: bench_steps: device cuda: no GPU\n")

    def test_a_missing_program_is_named(self):
        (Path(self.folder.name) / "secmodel").unlink()
        done, _, _ = self.on_cuda()
        self.assertEqual((done.returncode, done.stderr), (1, f"compare: {self.folder.name}: there is no secmodel\n"))

    def test_wrong_usage(self):
        for options in (["--cases", "none"], ["--parts", "x"], ["--variants", "x"], ["--rounds", "0"],
                        ["--out", "result.txt"], ["--threads", "-1"], ["--variants", "cuda_graph"], ["--precisions", "bf16"], ["--precisions", ""], ["--data", "/nowhere"],
                        ["--device", "cuda", "--parts", "recipe"], ["--parts", "recipe"]):
            self.assertEqual(self.compare(*options).returncode, 2, options)
        self.assertEqual(self.compare("--bin", "/nowhere").returncode, 1)
        empty = Path(self.folder.name) / "empty.json"
        empty.write_text("{}")
        done = subprocess.run([sys.executable, str(ROOT / "bench/figures"), str(empty)], capture_output=True, text=True,
                              check=False)
        self.assertEqual((done.returncode, "'ceilings' is missing" in done.stderr), (1, True))


@unittest.skipIf(BENCH_KERNELS is None, "no bench_kernels given")
class Kernels(unittest.TestCase):
    def test_rows_have_rates_and_libraries_agree(self):
        """oneDNN's rows, if built in, report an error if its results differ from ours."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            subprocess.run([str(BENCH_KERNELS), "--benchmark_filter=(144x4 branch|relu/624).*/t1", f"--benchmark_out={report}",
                            "--benchmark_min_time=0.0001"], check=True, capture_output=True)
            rows = kernel_rows.read_rows(json.loads(report.read_text()))
        self.assertEqual([r["error"] for r in rows if "error" in r], [])
        self.assertIn("relu", {r["operation"] for r in rows})
        self.assertEqual({r["pass"] for r in rows if r["operation"] == "conv"}, {"forward", "dgrad", "wgrad"})
        for row in rows:
            self.assertGreater(row["percent"], 0)
            self.assertGreater(row["gflops"], 0)
            self.assertGreater(row["gbytes"], 0)

    def test_a_gpus_rows_run_on_simt(self):
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            subprocess.run([str(BENCH_KERNELS), "--device", "simt", "--benchmark_filter=144x4 branch C64 L2|64x32-2",
                            f"--benchmark_out={report}", "--benchmark_min_time=0.0001"], check=True, capture_output=True)
            rows = kernel_rows.read_rows(json.loads(report.read_text()))
        self.assertEqual([r["error"] for r in rows if "error" in r], [])
        self.assertLessEqual({("conv", "f32"), ("conv", "tf32"), ("conv", "bf16"), ("linear", "bf16")},
                             {(r["operation"], r["type"]) for r in rows})
        self.assertLessEqual({"ours", "v1", "v4"}, {r["who"] for r in rows})
        fused = {(r["pass"], r["type"], r["who"]) for r in rows if r["operation"] == "pre_activation"}
        self.assertEqual(fused, {(p, t, who) for p in ("forward", "backward") for t in ("f32", "tf32", "bf16")
                                 for who in ("ours", "separate")})


if __name__ == "__main__":
    unittest.main()
