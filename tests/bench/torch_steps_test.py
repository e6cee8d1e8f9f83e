#!/usr/bin/env python3
"""Tests bench/peers/torch_steps.py on the cpu, where all of it runs except the capture of CUDA graphs.

  torch_steps_test.py PATH_OF_BENCH_STEPS

Needs a Python with torch: the running one, or the one that SEC_TORCH names. Exits 77 if neither has torch.
"""
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if importlib.util.find_spec("torch") is None or importlib.util.find_spec("numpy") is None:
    if "SEC_TORCH" in os.environ and "SEC_TORCH_TRIED" not in os.environ:
        os.environ["SEC_TORCH_TRIED"] = "1"
        os.execv(os.environ["SEC_TORCH"], [os.environ["SEC_TORCH"], *sys.argv])
    print("NOT TESTED: this Python has no torch and numpy; SEC_TORCH may name one that has")
    sys.exit(77)
BENCH_STEPS = Path(sys.argv.pop(1)).resolve()
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "bench/report"), str(ROOT / "bench/peers")]
import comparison  # noqa: E402
import torch  # noqa: E402
import torch_steps  # noqa: E402

torch.set_num_threads(1)  # the operations are small, and other tests run in parallel


class TorchSteps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.files = [f"{cls.folder.name}/weights.safetensors", f"{cls.folder.name}/batch.safetensors"]
        lines = [f"make 16x4x300x4x16 {cls.folder.name}", f"load {' '.join(cls.files)}",
                 f"gradients {cls.folder.name}/ours.safetensors"]
        subprocess.run([str(BENCH_STEPS)], input="\n".join(lines) + "\n", text=True, check=True, stdout=subprocess.DEVNULL)

    def setUp(self):
        self.bench = torch_steps.Bench("cpu")
        self.bench.answer(["load", *self.files])

    def ask(self, line):
        return self.bench.answer(line.split())

    def gradients(self, precision):
        out = f"{self.folder.name}/{precision}.safetensors"
        loss = self.ask(f"gradients {out} {precision}")["loss"]
        return loss, comparison.read_f32(out)

    def test_gradients_in_every_arithmetic(self):
        exact, expected = self.gradients("f64")
        distances = {}
        for precision in ("f32", "tf32", "bf16"):  # on the cpu tf32 means f32
            loss, gradients = self.gradients(precision)
            distances[precision] = comparison.compare_gradients(gradients, expected)[0]
            self.assertTrue(comparison.agree(loss, exact, distances[precision], distances[precision], precision), precision)
        self.assertLess(distances["f32"], 1e-3)
        self.assertGreater(distances["bf16"], distances["f32"])
        ours, _ = comparison.compare_gradients(comparison.read_f32(f"{self.folder.name}/ours.safetensors"), expected)
        self.assertLess(ours, 0.05)

    def test_channels_last_computes_the_same_in_two_dimensions(self):
        x = self.bench.x.double()  # f32 rounding could change an activation's sign

        def forward_and_backward(words):
            self.ask(f"variant {words}")
            self.bench.prepare(0.0, torch.float64)
            loss = self.bench.backward(x)
            return self.bench.plain, loss.item(), self.bench.plain.conv1.weight.grad.clone()
        _, loss, gradient = forward_and_backward("eager")
        net, other, other_gradient = forward_and_backward("channels_last")
        self.assertAlmostEqual(other, loss, delta=1e-9 * loss)
        self.assertLess((other_gradient - gradient).norm(), 1e-9 * gradient.norm())
        kinds = [type(module) for module in net.modules()]
        self.assertEqual((kinds.count(torch.nn.Conv1d), kinds.count(torch.nn.BatchNorm1d)), (0, 0))
        blocks = net.block3_list[0].blocks
        self.assertIs(blocks[0].downsample, blocks[1].downsample)  # shared modules stay shared
        self.assertTrue(blocks[0].conv1.weight.is_contiguous(memory_format=torch.channels_last))

    def test_every_variant_trains_and_infers(self):
        captured = []
        real, torch_steps.capture = torch_steps.capture, lambda work: captured.append(work) or work
        self.addCleanup(setattr, torch_steps, "capture", real)
        for words in ("eager", "channels_last", "amp_bf16", "cuda_graph", "amp_bf16+cuda_graph",
                      "amp_bf16+channels_last+cuda_graph"):
            self.ask(f"variant {words}")
            for line in ("infer 1", "train 2", "infer 2 1", "infer 1 20", "train 1"):
                self.assertGreater(self.ask(line)["seconds"], 0, f"{words}: {line}")
            self.assertEqual(sorted(self.bench.passes), [1, 20])  # training makes a new network and drops older passes
            with torch.inference_mode():
                self.assertEqual(self.bench.passes[20][2]().shape, (20, 4))
        self.assertEqual(len(captured), 3 * 4)  # one step and three passes per variant
        self.assertGreater(self.ask("peak")["resident"], 0)

    def test_training_learns(self):
        """The loss of a repeated batch must fall."""
        for words in ("eager", "amp_bf16"):
            self.ask(f"variant {words}")
            self.bench.prepare(0.0)
            losses = [self.bench.step().item() for _ in range(12)]
            self.assertLess(losses[-1], 0.7 * losses[0], words)

    def test_what_cannot_be_done_is_refused(self):
        with self.assertRaises(ValueError):
            self.ask("variant fast")
        if not torch.cuda.is_available():
            done = subprocess.run([sys.executable, str(ROOT / "bench/peers/torch_steps.py"), "--device", "cuda"],
                                  capture_output=True, text=True, check=True)
            self.assertIn("has no CUDA device", done.stdout)


if __name__ == "__main__":
    unittest.main()
