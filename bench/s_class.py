#!/usr/bin/env python3
"""Repeats the tables of docs/results.md about the S class, in stages; finished runs are kept, so it can be stopped.

  s_class.py STAGE... --data data/mitdb [--svdb data/svdb] [--out runs/s-class] [--seeds 1,2,3,4,5] [--only NAME|...]

Stages, as docs/protocols.md registers them:
  select  candidates trained on DS1 and scored on svdb, the MIT-BIH Supraventricular Arrhythmia Database
  cross   the same candidates, cross-validated over the 22 records of DS1 in five folds by patient
  halves  candidates trained on DS1 and one half of svdb, scored on the other half: svdb cross-validated
  final   recipes/mitdb-inter.toml and recipes/mitdb-svdb-inter.toml, trained and scored on DS2
  tables  prints the tables of what there is, in Markdown

A run's row goes to OUT/results.tsv at once: accuracy and F1 of S and V as four classes, with 95 % intervals by patient.
OUT/STAGE/NAME-SEED is its run folder, which keeps counts.json, the decisions by record, and loses predictions.csv.
"""
import argparse
import csv
import json
import pathlib
import random
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLASSES = "NSVF"
RESAMPLES = 1000


FIVE = ("rr/mean", "next/mean", "previous/mean", "rr/previous", "next/rr")
SIX = (*FIVE, "rr/mean32")
EACH = ("rr/mean10", "next/mean10", "rr/mean32", "next/mean32", "rr/mean", "next/mean", "rr/previous")
LAST = ("rr/mean32", "next/mean32", "previous/mean32", "rr/mean10", "rr/previous", "next/rr")
WITHOUT_STRIP = 'input.channels=["lead1", "lead1-difference", "lead2-difference"]'


def plain(measures, covariates=()):
    """Changes to the recipe: measures alone, decided with the prior power of the former recipe."""
    return ["input.rhythm=" + json.dumps(measures), "input.covariates=" + json.dumps(covariates), "decision.prior_power=0.5"]


CANDIDATES = {  # what differs from recipes/mitdb-inter.toml; the last epoch decides in all of them
    "recipe": [],
    "prior power 0.5": ["decision.prior_power=0.5"],
    "five": plain(FIVE),
    "five; 3 epochs": [*plain(FIVE), "train.epochs=3"],
    "five; 4 epochs": [*plain(FIVE), "train.epochs=4"],
    "five; dropout 0.35": [*plain(FIVE), "network.dropout=0.35"],
    "five; class power 0.35": [*plain(FIVE), "sampler.class_power=0.35"],
    "three": plain(FIVE[:3]),
    "six": plain(SIX),
    "six; 12 epochs": [*plain(SIX), "train.epochs=12"],
    "six; dropout 0.35": [*plain(SIX), "network.dropout=0.35"],
    "six; covariate noise 0.1": [*plain(SIX), "augment.covariate_noise=0.1"],
    "six; all of DS1 trains": [*plain(SIX), "data.validation=[]"],
    "six and t-score": plain((*SIX, "tscore32")),
    "six and mean of 10": plain((*SIX, "rr/mean10")),
    "six, strip and covariates": plain(SIX, ["rhythm"]),
    "six, covariates only": [*plain(SIX, ["rhythm"]), WITHOUT_STRIP],
    "six, last 10 and 32": plain(LAST),
    "seven, all three means": plain(EACH),
    "seven and t-score": plain((*EACH, "tscore32")),
}
HALVES = {"recipe": [], "twice the samples": ["sampler.epoch_samples=24576"]}
FINAL = {"mitdb-inter": "mitdb-inter.toml", "mitdb-svdb-inter": "mitdb-svdb-inter.toml"}
DS1 = [101, 106, 108, 109, 112, 114, 115, 116, 118, 119, 122, 124, 201, 203, 205, 207, 208, 209, 215, 220, 223, 230]
FOLDS = 5
SVDB = ['data.databases.svdb.leads=["ECG1", "ECG2"]', "data.databases.svdb.gain=200"]


def runs_of(stage, options):
    """(name, seed, recipe, overrides) of each run of a stage."""
    svdb = sorted(path.stem for path in options.svdb.glob("*.hea"))
    for seed in options.seeds:
        if stage == "select":
            for name, changes in CANDIDATES.items():
                yield name, seed, "mitdb-inter.toml", SVDB + ['data.test=["svdb:*"]'] + changes
        if stage == "cross":
            records = json.dumps([str(record) for record in DS1])
            for name, changes in CANDIDATES.items():
                for fold in range(1, FOLDS + 1):
                    yield f"{name} fold {fold}", seed, "mitdb-inter.toml", [
                        "data.protocol=folds", f"data.folds={FOLDS}", f"data.fold={fold}", f"data.train={records}",
                        "data.validation=[]", "data.test=[]", *changes]
        if stage == "halves":
            for name, changes in HALVES.items():
                for half in (0, 1):
                    sides = [[f"svdb:{r}" for r in svdb if int(r) % 2 == side] for side in (1 - half, half)]
                    yield f"{name} half {half + 1}", seed, "mitdb-svdb-inter.toml", [
                        f"data.train={json.dumps(['DS1', *sides[0]])}", f"data.test={json.dumps(sides[1])}", *changes]
        if stage == "final":
            for name, recipe in FINAL.items():
                yield name, seed, recipe, []


def file_name(name):
    return "".join(c if c.isalnum() or c in ".-" else "_" for c in name)


def counts_of(run, split="test"):
    """Of each record the number of beats by (truth, decision), as four classes: beats of Q are left out."""
    counts = {}
    with open(run / "predictions.csv") as file:
        for row in csv.DictReader(file):
            if row["split"] == split and row["truth"] in CLASSES:
                one = counts.setdefault(row["recording"], {})
                pair = row["truth"] + row["decision"]
                one[pair] = one.get(pair, 0) + 1
    return counts


def scores(records):
    """Accuracy and, of S and V, F1, sensitivity and predictivity in per cent, over the beats of some records."""
    total = {}
    for counts in records:
        for pair, count in counts.items():
            total[pair] = total.get(pair, 0) + count
    result = {"accuracy": 100 * sum(total.get(c + c, 0) for c in CLASSES) / max(sum(total.values()), 1)}
    for c in "SV":
        right = total.get(c + c, 0)
        beats = sum(count for pair, count in total.items() if pair[0] == c)
        called = sum(count for pair, count in total.items() if pair[1] == c)
        result[c] = 200 * right / max(beats + called, 1)
        result[c + " Se"], result[c + " +P"] = 100 * right / max(beats, 1), 100 * right / max(called, 1)
    return result


def mean_scores(runs, records):
    """The mean over runs of their scores over these records, which can repeat."""
    each = [scores(run[record] for record in records) for run in runs]
    return {key: statistics.mean(one[key] for one in each) for key in each[0]}


def with_intervals(runs):
    """Mean scores of runs that tested the same records, and 95 % intervals by resampling records.

    A record counts as one patient: no patient of DS2 or, as far as is known, of svdb has two records.
    """
    records = sorted(runs[0])
    draw = random.Random(1)
    drawn = [mean_scores(runs, draw.choices(records, k=len(records))) for _ in range(RESAMPLES)]
    intervals = {}
    for key in drawn[0]:
        values = sorted(one[key] for one in drawn)
        intervals[key] = (values[round(0.025 * (RESAMPLES - 1))], values[round(0.975 * (RESAMPLES - 1))])
    return mean_scores(runs, records), intervals


def train(stage, name, seed, recipe, overrides, options):
    run = options.out / stage / f"{file_name(name)}-{seed}"
    if (run / "counts.json").exists():
        return
    command = [options.sectrain, "--config", ROOT / "recipes" / recipe, "--data", options.data, "--out", run, "--overwrite",
               "--device", "cpu", "--threads", "1", "--quiet", "--seed", seed]
    if any("svdb" in text for text in overrides) or "svdb" in recipe:
        command += ["--data", f"svdb={options.svdb}"]
    for override in overrides:
        command += ["--set", override]
    start = time.time()
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"s_class: {run}: {done.stderr.strip()}")
    counts = counts_of(run)
    mean, intervals = with_intervals([counts])
    epoch = json.loads((run / "metrics.json").read_text())["best_epoch"]
    cells = [stage, name, seed, f"{mean['accuracy']:.2f}"]
    for c in "SV":
        low, high = intervals[c]
        cells += [f"{mean[c]:.1f}", f"{low:.1f} to {high:.1f}", f"{mean[c + ' Se']:.1f}", f"{mean[c + ' +P']:.1f}"]
    line = "\t".join(str(cell) for cell in [*cells, epoch, f"{time.time() - start:.0f}"])
    with open(options.out / "results.tsv", "a") as file:
        file.write(line + "\n")
    (run / "predictions.csv").unlink()
    (run / "counts.json").write_text(json.dumps(counts))
    print(line, flush=True)


def row(name, runs, without):
    mean, intervals = with_intervals(runs)
    cells = [name, str(len(runs))]
    for key in ("accuracy", "S", "V"):
        spread = statistics.stdev(scores(run.values())[key] for run in runs) if len(runs) > 1 else 0
        cells.append(f"{mean[key]:.1f} ({intervals[key][0]:.1f} to {intervals[key][1]:.1f}; seeds {spread:.1f})")
    cells.append(f"{mean['S Se']:.1f} / {mean['S +P']:.1f}")
    cells.append(f"{mean['V Se']:.1f} / {mean['V +P']:.1f}")
    for record in without:
        left = [r for r in runs[0] if r != record]
        cells.append(f"{mean_scores(runs, left)['S']:.1f}" if len(left) < len(runs[0]) else "–")
    return "| " + " | ".join(cells) + " |"


def tables(options):
    """Prints a table for each stage, a row a candidate: means over seeds, with intervals by patient."""
    for stage, without in (("select", ["svdb:865"]), ("cross", []), ("halves", ["svdb:865"]), ("final", ["232", "202"])):
        runs = {}  # by candidate and seed; folds and halves test different records, so they are joined
        for name, seed, _, _ in runs_of(stage, options):
            file = options.out / stage / f"{file_name(name)}-{seed}" / "counts.json"
            if file.exists():
                whole = name.split(" fold ")[0].split(" half ")[0]
                runs.setdefault(whole, {}).setdefault(seed, {}).update(json.loads(file.read_text()))
        if not runs:
            continue
        heads = ["", "seeds", "accuracy", "S F1", "V F1", "S Se / +P", "V Se / +P"] + [f"S F1 without {r}" for r in without]
        print(f"\n{stage}\n\n| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
        for name, by_seed in runs.items():
            print(row(name, list(by_seed.values()), without), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="+", choices=["select", "cross", "halves", "final", "tables"])
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder of MIT-BIH")
    parser.add_argument("--svdb", type=pathlib.Path, help="folder of svdb; default: beside --data")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/s-class"))
    parser.add_argument("--seeds", default="1,2,3,4,5", type=lambda text: [int(seed) for seed in text.split(",")])
    parser.add_argument("--only", type=lambda text: text.split("|"), help="candidates, with | between them")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, of one thread each")
    parser.add_argument("--sectrain", type=pathlib.Path, default=ROOT / "build/bin/sectrain")
    options = parser.parse_args()
    options.svdb = options.svdb or options.data.parent / "svdb"
    options.out.mkdir(parents=True, exist_ok=True)
    for stage in options.stages:
        if stage == "tables":
            tables(options)
            continue
        with ThreadPoolExecutor(options.jobs) as pool:
            runs = [run for run in runs_of(stage, options)
                    if not options.only or run[0].split(" fold ")[0].split(" half ")[0] in options.only]
            for result in [pool.submit(train, stage, *run, options) for run in runs]:
                result.result()


if __name__ == "__main__":
    main()
