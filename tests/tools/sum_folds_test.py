#!/usr/bin/env python3
"""Compares tools/sum_folds with sums computed by hand. Usage: sum_folds_test.py PROGRAM"""

import json
import pathlib
import subprocess
import sys
import tempfile


def write_run(folder, name, records):
    run = pathlib.Path(folder) / name
    run.mkdir()
    by_record = {record: {"confusion": {"classes": list("NSVFQ"), "rows_true_columns_predicted": matrix}}
                 for record, matrix in records.items()}
    (run / "metrics.json").write_text(json.dumps({"by_record": by_record}))
    return str(run)


def write_recordings(folder, name, records):
    run = pathlib.Path(folder) / name
    run.mkdir()
    by_record = {record: {"split": split, "truth": list(truth), "decision": list(decision)}
                 for record, (split, truth, decision) in records.items()}
    (run / "metrics.json").write_text(
        json.dumps({"by_record": by_record, "multi_label": [{}], "classes": ["A", "B"]}))
    return str(run)


def matrix(nn, nv, vn, vv):
    cells = [[0] * 5 for _ in range(5)]
    cells[0][0], cells[0][2], cells[2][0], cells[2][2] = nn, nv, vn, vv
    return cells


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        one = write_run(folder, "one", {"100": matrix(8, 2, 0, 0), "101": matrix(0, 0, 1, 3)})
        two = write_run(folder, "two", {"102": matrix(5, 0, 2, 4)})
        out = json.loads(subprocess.run([program, "--json", one, two], check=True, capture_output=True).stdout)
        assert out["confusion"] == matrix(13, 2, 3, 7), out
        three = out["scores"]["3"]
        assert abs(three["accuracy"] - 20 / 25) < 1e-12, three
        f1 = (26 / (15 + 16), 14 / (10 + 9))  # no beat is S or called S: the mean is over two classes
        assert abs(three["macro_f1"] - sum(f1) / 2) < 1e-12, three
        assert three["runs"]["accuracy"]["values"] == [11 / 14, 9 / 11], three
        # One beat called S where no S occurs: S does not enter the mean, as in sectrain's own scores.
        called = matrix(9, 0, 0, 0)
        called[0][1] = 1
        three = write_run(folder, "three", {"103": called})
        only = json.loads(subprocess.run([program, "--json", three], check=True, capture_output=True).stdout)
        assert abs(only["scores"]["3"]["macro_f1"] - 18 / 19) < 1e-12, only
        assert only["scores"]["3"]["macro_f1_classes"] == 1, only
        text = subprocess.run([program, three], check=True, capture_output=True, text=True).stdout
        assert "macro-F1 0.9474 (of one class alone); by run" in text, text
        text = subprocess.run([program, one, two], check=True, capture_output=True, text=True).stdout
        assert "alone" not in text, text
        # A run whose beats are all of class Q has nothing to score as three classes.
        cells = [[0] * 5 for _ in range(5)]
        cells[4][0] = 2
        only_q = write_run(folder, "four", {"104": cells})
        with_q = json.loads(subprocess.run([program, "--json", one, only_q], check=True, capture_output=True).stdout)
        assert with_q["scores"]["3"]["runs"]["accuracy"]["values"] == [11 / 14], with_q
        assert list(json.loads(subprocess.run([program, "--json", only_q], check=True,
                                              capture_output=True).stdout)["scores"]) == ["5"]
        again = subprocess.run([program, one, one], capture_output=True, text=True)
        assert again.returncode == 1 and "record 100 was tested in" in again.stderr, again
        a = write_recordings(folder, "a", {"1": ("test", "A", "A"), "2": ("test", "AB", "B"), "9": ("validation", "A", "")})
        b = write_recordings(folder, "b", {"3": ("test", "B", "A"), "4": ("test", "", "")})
        out = json.loads(subprocess.run([program, "--json", a, b], check=True, capture_output=True).stdout)
        assert out["records"] == 4 and out["labels"]["A"]["TP"] == 1, out
        assert [out["labels"][n][k] for n in "AB" for k in ("TP", "FN", "FP")] == [1, 1, 1, 1, 1, 0], out
        assert abs(out["micro_f1"] - 4 / 7) < 1e-12 and abs(out["macro_f1"] - (1 / 2 + 2 / 3) / 2) < 1e-12, out
        text = subprocess.run([program, a, b], check=True, capture_output=True, text=True).stdout
        assert "4 recordings tested in 2 runs" in text, text
        twice = subprocess.run([program, a, a], capture_output=True, text=True)
        assert twice.returncode == 1 and "record 1 was tested in" in twice.stderr, twice
        mixed = subprocess.run([program, a, one], capture_output=True, text=True)
        assert mixed.returncode == 1 and "some of whole recordings" in mixed.stderr, mixed
        missing = subprocess.run([program, folder], capture_output=True, text=True)
        assert missing.returncode == 1 and "metrics.json" in missing.stderr, missing


main()
