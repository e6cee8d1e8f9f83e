#!/usr/bin/env python3
"""Tests kernel_lab without a browser: results, counts that can be made by hand, a planted bank conflict, bad input.

Usage: kernel_lab_test.py KERNEL_LAB PLANTED_CONFLICT
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

LAB, PLANTED = "", ""


def series(values):
    """The integers of a list of arithmetic series: first, step, count, first, step, count, ..."""
    return [values[i] + j * values[i + 1] for i in range(0, len(values), 3) for j in range(values[i + 2])]


class Data:
    """The data of a page."""

    def __init__(self, text):
        self.json = json.loads(text)
        self.events = self.json["events"]

    def kind(self, event):
        return self.json["kinds"][event["k"]]

    def of_kind(self, kind, array=None):
        return [e for e in self.events if self.kind(e) == kind
                and (array is None or self.json["arrays"][e["a"]]["name"] == array)]

    def line(self, event):
        """The text of the innermost line of the event in the kernel's own file."""
        for source, line, _, _ in self.json["places"][event["p"]]:
            if source == 0:
                return self.json["sources"][0]["text"].split("\n")[line - 1].strip()
        return ""

    def element(self, code):
        """The array and the index that a code names."""
        return self.json["arrays"][code >> 25]["name"], code & 0xFFFFFF


class KernelLab(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)

    def run_lab(self, *options):
        return subprocess.run([LAB, *options], capture_output=True, text=True, check=False)

    def data_of(self, *options):
        result = self.run_lab(*options, "--json", self.path / "data.json")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return Data((self.path / "data.json").read_text())

    def planted(self, pitch):
        subprocess.run([PLANTED, str(pitch), self.path / "data.json", self.path / "page.html"], check=True)
        return Data((self.path / "data.json").read_text())

    def test_every_version_equals_the_reference(self):
        for version in ("direct", "tiled", "blocked", "tensor"):
            for computation in ("forward", "dgrad", "wgrad"):
                for type_ in ("f32", "bf16"):
                    result = self.run_lab("--version", version, "--pass", computation, "--type", type_, "--shape", "2x21x3x8x24",
                                          "--taps", "5", "--stride", "2")
                    self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
                    self.assertIn("equals the result of plain loops", result.stdout)
                    self.assertIn("grid (", result.stdout)
                    name = ("conv_wgrad_" if computation == "wgrad" else "conv_") + version
                    self.assertIn(name, result.stdout)

    def test_a_thread_of_the_direct_version_loads_two_numbers_per_product(self):
        taps, channels = 5, 6
        data = self.data_of("--version", "direct", "--shape", f"1x64x1x{channels}x32", "--taps", str(taps), "--block", "2")
        # Block 2 computes steps 16 to 23: no tap is outside of the input. A warp computes one step, a lane one channel.
        for array, expected in (("x", taps * channels), ("w", taps * channels), ("bias", 1)):
            loads = [e for e in data.of_kind("global load", array) if e["w"] == 3]
            self.assertEqual(len(loads), expected)
            self.assertTrue(all(e["m"] == 0xFFFFFFFF and e["b"] == 4 for e in loads))
        # All lanes load the same x, in one sector, and 32 neighbouring weights, in four.
        self.assertEqual({e["s"] for e in data.of_kind("global load", "x")}, {1})
        self.assertEqual({e["s"] for e in data.of_kind("global load", "w")}, {4})
        first = [e for e in data.of_kind("global load", "x") if e["w"] == 3][0]
        self.assertEqual(set(series(first["o"])), {(16 + 3 - taps // 2) * channels * 4})
        self.assertEqual(data.line(first), "sum += load(from + i) * weight_at(s, Pass::transposed, m, i, o);")
        counts = data.json["counts"]["block"]
        self.assertEqual(counts["loads"]["requests"], 8 * (2 * taps * channels + 1))
        self.assertEqual(counts["stores"]["requests"], 8)
        self.assertEqual(counts["shared_loads"]["requests"], 0)

    def test_shared_memory_holds_what_was_stored(self):
        data = self.data_of("--version", "tiled")
        for e in data.of_kind("shared store", "ws"):
            for code in series(e["c"]):  # block 0: 48 terms of 32 channels, the last 16 of 64 terms are zeros
                self.assertTrue(code == -2 or data.element(code)[0] == "w")
        stored = [c for e in data.of_kind("shared store", "ws") for c in series(e["c"]) if c >= 0]
        self.assertEqual(sorted(data.element(c)[1] for c in stored), list(range(48 * 32)))
        self.assertEqual(len(data.of_kind("barrier")), 4)

    def test_fragments_hold_elements_by_the_rule_of_the_instruction_set(self):
        for type_, depth in (("f32", 8), ("bf16", 16)):
            data = self.data_of("--version", "tensor", "--type", type_, "--shape", "1x64x2x16x32", "--block", "0")
            halves = 2 if type_ == "bf16" else 1
            products = data.of_kind("product")
            self.assertEqual(data.json["counts"]["block"]["tensor_operations"], len(products) * 2 * 16 * 8 * depth)
            for e in products:
                a = series(data.json["fragments"][e["x"]])
                b = series(data.json["fragments"][e["y"]])
                self.assertEqual((len(a), len(b)), (32 * 4 * halves, 32 * 2 * halves))
                self.assertNotIn(-1, a + b)
                # Registers a0 and a1 are eight rows of A apart: with two leads, four time steps of x.
                for lane in range(32):
                    a0, a1 = a[lane * 4 * halves], a[(lane * 4 + 1) * halves]
                    if a0 >= 0 and a1 >= 0:
                        self.assertEqual(data.element(a1)[1] - data.element(a0)[1], 8 * 16)
                    # Lane 4 g + t: column g of B, row t (TF32) or rows 2 t and 2 t + 1 (bf16). In bf16 the second half of a
                    # chunk has no channels here: its rows are zeros.
                    if min(b) >= 0:
                        array, b0 = data.element(b[lane * 2 * halves])
                        self.assertEqual(array, "w" if type_ == "f32" else "w as bf16")
                        self.assertEqual(b0 - data.element(b[0])[1], lane // 4 + lane % 4 * halves * 32)
                    else:
                        self.assertEqual((type_, set(b)), ("bf16", {-2}))

    def test_the_sums_of_products_are_the_result(self):
        data = self.data_of("--version", "tensor", "--shape", "1x16x1x16x32", "--block", "0")
        y = next(a for a in data.json["arrays"] if a["name"] == "y")["values"]
        # The last half chunk of the last tap of warp 0, which has all 16 rows: four row tiles, four times eight columns.
        last = [e for e in data.of_kind("product") if e["w"] == 0][-16:]
        sums = {round(v, 3) for e in last for v in e["d"]}
        found = sum(any(abs(v - s) < 2e-3 for s in sums) for v in y)
        self.assertEqual(found, len(y))

    def test_a_planted_conflict_is_counted(self):
        for pitch, passes in ((2, 2), (32, 32), (33, 1)):
            data = self.planted(pitch)
            for kind in ("shared store", "shared load"):
                (event,) = data.of_kind(kind)
                self.assertEqual((event["q"], event["z"]), (passes, 1))
            (load,) = data.of_kind("shared load")
            self.assertEqual(data.line(load), "y[threadIdx.x] = line[threadIdx.x * pitch];")

    def test_bad_input_is_one_line(self):
        for options, words in (
            (["--shape", "1x80x2"], "--shape '1x80x2': expected NxLxHxCIxCO"),
            (["--shape", "1x80x2x16x0"], "five numbers from 1 to 4096"),
            (["--shape", "1x80x2x16x32x"], "expected NxLxHxCIxCO"),
            (["--shape", "1x2x1x1x1", "--taps", "9", "--pad", "0"], "fewer than 9 taps"),
            (["--shape", "4096x4096x1x16x32"], "at most 20 million"),
            (["--version", "tensor", "--shape", "1x9x1x3x8"], "multiples of 4"),
            (["--block", "20", "--json", str(self.path / "no")], "the grid of conv_tiled<float, Forward> has 20 x 1 x 1 blocks"),
            (["--block", "one"], "--block 'one': expected X, X,Y or X,Y,Z"),
            (["--thread", "256", "--json", str(self.path / "no")], "--thread 256: the block has 256 threads"),
            (["--version", "fast"], "(see kernel_lab --help)"),
            (["--trace", str(self.path / "none" / "page.html")], "none"),
        ):
            result = self.run_lab(*options)
            self.assertIn(result.returncode, (1, 2), options)
            lines = result.stderr.splitlines()
            self.assertEqual(len(lines), 1, result.stderr)
            self.assertTrue(lines[0].startswith("kernel_lab: "))
            self.assertIn(words, lines[0])
        self.assertFalse(os.path.exists(self.path / "no"))


if __name__ == "__main__":
    PLANTED = sys.argv.pop()
    LAB = sys.argv.pop()
    unittest.main()
