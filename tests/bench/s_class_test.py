#!/usr/bin/env python3
"""Tests bench/s_class.py: its arithmetic, and whole stages in which a stand-in plays sectrain."""
import importlib.util
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "bench/s_class.py"
sys.dont_write_bytecode = True

# Writes a run folder as sectrain does: two test records, one Q beat, one training beat. Counts its calls.
SECTRAIN = """#!/usr/bin/env python3
import json, pathlib, sys
run = pathlib.Path(sys.argv[sys.argv.index("--out") + 1])
run.mkdir(parents=True, exist_ok=True)
with open(run.parent.parent / "calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + chr(10))
beats = [("train", "101", "S", "N"), ("test", "232", "S", "S"), ("test", "232", "S", "N"), ("test", "232", "Q", "S"),
         ("test", "100", "N", "N"), ("test", "100", "N", "S"), ("test", "100", "V", "V"), ("test", "100", "F", "V")]
(run / "predictions.csv").write_text("split,recording,truth,decision" + chr(10) + "".join(",".join(b) + chr(10) for b in beats))
(run / "metrics.json").write_text(json.dumps({"best_epoch": 6}))
"""


def load():
    spec = importlib.util.spec_from_file_location("s_class", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Scores(unittest.TestCase):
    def test_of_two_records(self):
        # Of 6 beats 3 are right. S: 1 of 2 found, 2 called. V: 1 of 1 found, 2 called.
        found = load().scores([{"SS": 1, "SN": 1}, {"NN": 1, "NS": 1, "VV": 1, "FV": 1}])
        self.assertAlmostEqual(found["accuracy"], 50)
        self.assertAlmostEqual(found["S"], 50)
        self.assertAlmostEqual(found["V"], 200 / 3)
        self.assertAlmostEqual(found["V Se"], 100)
        self.assertAlmostEqual(found["V +P"], 50)

    def test_interval_of_one_patient_has_no_width(self):
        mean, intervals = load().with_intervals([{"100": {"SS": 3, "SN": 1, "NN": 4}}])
        self.assertAlmostEqual(mean["S"], 600 / 7)
        self.assertEqual(intervals["S"], (mean["S"], mean["S"]))


class Stages(unittest.TestCase):
    def test_finished_runs_are_kept_and_tables_name_the_records_left_out(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            sectrain = folder / "sectrain"
            sectrain.write_text(SECTRAIN)
            sectrain.chmod(0o755)
            command = [sys.executable, SCRIPT, "final", "tables", "--data", folder / "mitdb", "--out", folder / "out",
                       "--sectrain", sectrain, "--seeds", "1,2"]
            first = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            calls = (folder / "out/calls").read_text().splitlines()
            self.assertEqual(len(calls), 4)  # two recipes, two seeds
            self.assertEqual(sum(f"svdb={folder / 'svdb'}" in call for call in calls), 2)
            rows = [line.split("\t") for line in (folder / "out/results.tsv").read_text().splitlines()]
            self.assertEqual({(row[1], row[2]) for row in rows},
                             {(name, seed) for name in ("mitdb-inter", "mitdb-svdb-inter") for seed in "12"})
            self.assertTrue(all(row[3] == "50.00" and row[4] == "50.0" for row in rows))
            run = folder / "out/final/mitdb-inter-1"
            self.assertFalse((run / "predictions.csv").exists())
            self.assertEqual(json.loads((run / "counts.json").read_text())["232"], {"SS": 1, "SN": 1})
            # Without 232 no S beat is left, and one beat is called S.
            self.assertIn("| S F1 without 232 |", first)
            self.assertRegex(first, r"\| mitdb-inter \| 2 \|.*\| 0\.0 \| – \|")
            again = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            self.assertEqual((folder / "out/calls").read_text().splitlines(), calls)
            self.assertIn("| mitdb-inter | 2 |", again)


if __name__ == "__main__":
    unittest.main()
