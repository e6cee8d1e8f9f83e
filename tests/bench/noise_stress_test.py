#!/usr/bin/env python3
"""Tests bench/noise_stress.py with programs that stand in for secinfer and secdata.

Usage: noise_stress_test.py BENCH_FOLDER
"""
import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
BENCH = pathlib.Path(sys.argv.pop())
sys.path.insert(0, str(BENCH))
import noise_stress  # noqa: E402

# Writes an empty annotation file for each record; fails for a model called "none".
SECINFER = """#!/usr/bin/env python3
import pathlib, sys
arguments = sys.argv[1:]
if arguments[1] == "none":
    sys.exit("secinfer: none: no such file")
out = pathlib.Path(arguments[arguments.index("--out") + 1])
for record in arguments[arguments.index("--out") + 2:]:
    (out / (pathlib.Path(record).name + ".sec")).write_text("")
"""
# Gives scores that tell the folder, the annotator and the records, if the annotation files exist.
SECDATA = """#!/usr/bin/env python3
import json, pathlib, sys
command, folder, tests, _, annotator, _, records, _ = sys.argv[1:]
assert command == "score"
for record in records.split(","):
    assert (pathlib.Path(tests) / (record + "." + annotator)).exists(), record
ratio = {"e24": 24, "e18": 18, "e12": 12, "e06": 6, "e00": 0, "e_6": -6}.get(records.split(",")[0][3:], 99)
score = {"Se": ratio, "+P": None if annotator == "sec" else 1.5}
print(json.dumps({"gross": {"QRS": score, "V": score, "S": score}}))
"""


class NoiseStress(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.at = pathlib.Path(self.folder.name)
        for name, text in {"secinfer": SECINFER, "secdata": SECDATA}.items():
            (self.at / name).write_text(text)
            (self.at / name).chmod(0o755)
        noise_stress.BIN = self.at

    def run_it(self, *arguments):
        sys.argv = ["noise_stress.py", "--data", str(self.at), *map(str, arguments)]
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            noise_stress.main()
        return output.getvalue().splitlines()

    def test_a_row_for_each_ratio(self):
        lines = self.run_it("--model", "run", "--json", self.at / "scores.json")
        self.assertEqual(lines[0], "| SNR | QRS Se | QRS +P | V Se | V +P | S Se | S +P |")
        self.assertEqual(lines[2], "| 24 dB | 24.00 | – | 24.00 | – | 24.00 | – |")
        self.assertEqual([line.split(" |")[0] for line in lines[2:]],
                         ["| 24 dB", "| 18 dB", "| 12 dB", "| 6 dB", "| 0 dB", "| -6 dB"])
        scores = json.loads((self.at / "scores.json").read_text())
        self.assertEqual(scores["-6 dB"]["QRS"]["Se"], -6)

    def test_records_without_noise_and_another_program(self):
        for name in ("118.hea", "119.hea", "118e06.qrs", "119e06.qrs"):
            (self.at / name).write_text("")
        lines = self.run_it("--model", "run", "--gqrs", "qrs")
        self.assertTrue(lines[8].startswith("| no noise | 99.00"), lines)
        self.assertEqual(lines[-1], "| 6 dB | 6.00 | 1.50 |")
        self.assertEqual(sum("dB |" in line for line in lines), 7)

    def test_a_failure_is_one_line(self):
        with self.assertRaises(SystemExit) as error:
            self.run_it("--model", "none")
        self.assertEqual(error.exception.code, "noise_stress: secinfer: none: no such file")


if __name__ == "__main__":
    unittest.main()
