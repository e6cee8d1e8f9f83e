#!/usr/bin/env python3
"""Runs the noise stress test of ANSI/AAMI EC57: beats found and classified in records with added noise.

  noise_stress.py --data FOLDER [--model RUN] [--gqrs ANNOTATOR] [--json FILE]

FOLDER holds the MIT-BIH Noise Stress Test Database (nstdb): records 118 and 119 of MIT-BIH with electrode motion noise
at 24 to -6 dB. Noise begins after five minutes; two minutes with it and two without alternate (Moody, Muldrow & Mark,
"A noise stress test for arrhythmia detectors", Computers in Cardiology 11: 381-384, 1984). FOLDER/118 and FOLDER/119, the
records without noise, are scored too if they are there; --clean names another folder that has them.

Runs `secinfer` on each record and `secdata score`, from 5:00 on, over both records of each signal-to-noise ratio: gross
sensitivity (Se) and positive predictivity (+P) of QRS complexes, ventricular (V) and supraventricular (S) ectopic beats.
--gqrs scores the beats of another program's annotation files in FOLDER as well. Prints a Markdown table.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

RATIOS = ["24", "18", "12", "06", "00", "_6"]
BIN = pathlib.Path(__file__).resolve().parent.parent / "build/bin"


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"noise_stress: {done.stderr.strip()}")
    return done.stdout


def score(folder, tests, annotator, records):
    """The gross scores {"QRS": {"Se", "+P"}, "V": ..., "S": ...} of some records, in per cent or None."""
    text = run(BIN / "secdata", "score", folder, tests, "--test", annotator, "--records", ",".join(records), "--json")
    return json.loads(text)["gross"]


def cell(value):
    return "–" if value is None else f"{value:.2f}"


def row(name, gross, kinds):
    return f"| {name} | " + " | ".join(cell(gross[kind][score]) for kind in kinds for score in ("Se", "+P")) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder of nstdb")
    parser.add_argument("--clean", type=pathlib.Path, help="folder with 118 and 119 without noise; default: --data")
    parser.add_argument("--model", type=pathlib.Path, required=True, help="run folder of sectrain")
    parser.add_argument("--gqrs", metavar="ANNOTATOR", help="extension of another program's annotations, scored too")
    parser.add_argument("--json", type=pathlib.Path, help="file to write the scores to")
    options = parser.parse_args()
    clean = options.clean or options.data
    folders = {}
    for ratio in RATIOS:
        folders[ratio] = (options.data, [f"118e{ratio}", f"119e{ratio}"])
    if all((clean / f"{name}.hea").exists() for name in ("118", "119")):
        folders["none"] = (clean, ["118", "119"])
    kinds = ("QRS", "V", "S")
    print("| SNR | " + " | ".join(f"{kind} Se | {kind} +P" for kind in kinds) + " |")
    print("|---" * (1 + 2 * len(kinds)) + "|")
    results = {}
    with tempfile.TemporaryDirectory() as found:
        for ratio, (folder, records) in folders.items():
            run(BIN / "secinfer", "--model", options.model, "--quiet", "--out", found, *(folder / r for r in records))
            gross = score(folder, found, "sec", records)
            name = "no noise" if ratio == "none" else f"{int(ratio.replace('_', '-'))} dB"
            results[name] = gross
            print(row(name, gross, kinds))
    if options.gqrs:
        print(f"\n| SNR, {options.gqrs} | QRS Se | QRS +P |\n|---|---|---|")
        for ratio, (folder, records) in folders.items():
            if all((folder / f"{record}.{options.gqrs}").exists() for record in records):
                name = "no noise" if ratio == "none" else f"{int(ratio.replace('_', '-'))} dB"
                print(row(name, score(folder, folder, options.gqrs, records), ("QRS",)))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
