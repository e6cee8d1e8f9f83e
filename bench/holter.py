#!/usr/bin/env python3
"""Measures how fast secinfer reads a long Holter recording, and how much memory it needs.

Makes a record of 48 hours with three leads at 360 Hz. Two leads repeat two synthetic hours.
The third lead is their difference. Reads the record with the given model, and prints one line of JSON.

--report also writes the Holter report and the tables of intervals. Their figures are computed again from the annotation file,
and by the packages hrv-analysis and neurokit2 where they are installed. A difference is a failure.
"""
import argparse
import array
import collections
import csv
import json
import math
import os
import pathlib
import re
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def decode_212(data):
    """The samples of two leads that alternate in format 212."""
    first, second = array.array("h"), array.array("h")
    for at in range(0, len(data) - 2, 3):
        low, middle, high = data[at], data[at + 1], data[at + 2]
        one, two = low | (middle & 0x0F) << 8, high | (middle & 0xF0) << 4
        first.append(one - 4096 if one > 2047 else one)
        second.append(two - 4096 if two > 2047 else two)
    return first, second


def write_record(folder, programs, hours):
    subprocess.run([programs / "secdata", "synth", folder, "--minutes", "120", "--records", "208", "--quiet"],
                   check=True)
    first, second = decode_212((folder / "208.dat").read_bytes())
    frames = array.array("h")
    for one, two in zip(first, second):
        frames.extend((one, two, one - two + 1024))
    copies = hours // 2
    with open(folder / "holter.dat", "wb") as out:
        for _ in range(copies):
            frames.tofile(out)
    samples = len(first) * copies
    lines = [f"holter 3 360 {samples}"]
    for lead, name in enumerate(("MLII", "V1", "V5")):
        checksum = sum(frames[lead::3]) * copies & 0xFFFF
        checksum -= 65536 if checksum > 32767 else 0
        lines.append(f"holter.dat 16 200 16 1024 {frames[lead]} {checksum} 0 {name}")
    (folder / "holter.hea").write_text("\n".join(lines) + "\n")
    return samples / 360


def read_annotations(path):
    """(sample, symbol) of each beat of an annotation file in the MIT format."""
    symbols = {1: "N", 5: "V", 6: "F", 9: "S", 13: "Q"}
    words = array.array("H")
    words.frombytes(path.read_bytes())
    beats, time, at = [], 0, 0
    while at < len(words) and words[at]:
        code, number = words[at] >> 10, words[at] & 1023
        at += 1
        if code == 59:  # SKIP: 32 bits follow, the high word first
            time += (words[at] << 16) + words[at + 1]
            at += 2
        elif code == 63:  # AUX: text of `number` bytes
            at += (number + 1) // 2
        elif code < 59:
            time += number
            beats.append((time, symbols[code]))
    return beats


def same(name, one, other, within=0.0):
    if not abs(one - other) <= within:
        raise SystemExit(f"holter: {name} is {one} and {other}")


def check_report(folder):
    """Compares report and tables with the annotation file, all intervals of which are free of gaps. Returns figures."""
    beats = read_annotations(folder / "annotations/holter.sec")
    page = (folder / "report.html").read_text(encoding="utf-8")
    row = re.search(r'<th scope="row">all</th>(.*?)</tr>', page[page.index('id="by-hour"'):], re.S).group(1)
    cells = [int(cell.replace(",", "")) for cell in re.findall(r"<td>([0-9,]+)", row)]
    classes = re.findall(r'<th scope="col">([NSVFQ])</th>', page)
    counts = collections.Counter(name for _, name in beats)
    same("the number of beats", cells[0], len(beats))
    for name, cell in zip(classes, cells[1:]):
        same(f"the number of beats {name}", cell, counts[name])
    lengths = [(b - a) / 0.36 for (a, _), (b, _) in zip(beats, beats[1:])]  # ms
    normal = [True] + [name == "N" for _, name in beats] + [True]
    nn = [all(normal[i:i + 4]) for i in range(len(lengths))]
    kept = [length for length, use in zip(lengths, nn) if use]
    differences = [(lengths[i] - lengths[i - 1]) ** 2 for i in range(1, len(lengths)) if nn[i] and nn[i - 1]]
    mean, rmssd = sum(kept) / len(kept), math.sqrt(sum(differences) / len(differences))
    with open(folder / "nn.csv", encoding="utf-8", newline="") as file:
        table = [(float(line["time_s"]), float(line["nn_ms"])) for line in csv.DictReader(file)]
    same("the number of NN intervals", len(table), len(kept))
    for (_, length), expected in zip(table, kept):
        same("an NN interval", length, expected, 6e-4)  # ms, written with three digits
    shown = re.search(r"mean NN</span><b>(\d+)\u00a0ms</b><small>RMSSD (\d+)", page)
    same("the page's mean NN", int(shown.group(1)), mean, 0.51)
    same("the page's RMSSD", int(shown.group(2)), rmssd, 0.51)
    figures = {"page_mb": round(len(page.encode()) / 1e6, 2), "nn_intervals": len(kept), "mean_nn_ms": round(mean, 3),
               "rmssd_ms": round(rmssd, 3)}
    everywhere = math.sqrt(sum((b - a) ** 2 for a, b in zip(kept, kept[1:])) / (len(kept) - 1))
    figures["rmssd_across_gaps_ms"] = round(everywhere, 3)
    try:
        import hrvanalysis
        found = hrvanalysis.get_time_domain_features([length for _, length in table])
        same("hrv-analysis' mean NN", found["mean_nni"], mean, 1e-3)
        same("hrv-analysis' RMSSD", found["rmssd"], everywhere, 1e-3)
        figures["hrv_analysis"] = [round(found["mean_nni"], 3), round(found["rmssd"], 3)]
    except ImportError:
        pass
    try:
        import neurokit2
        import numpy
        found = neurokit2.hrv_time({"RRI": numpy.array([length for _, length in table]),
                                    "RRI_Time": numpy.array([time for time, _ in table])}, sampling_rate=1000)
        same("neurokit2's mean NN", found["HRV_MeanNN"][0], mean, 1e-3)
        same("neurokit2's RMSSD", found["HRV_RMSSD"][0], rmssd, 1e-3)
        figures["neurokit2"] = [round(float(found["HRV_MeanNN"][0]), 3), round(float(found["HRV_RMSSD"][0]), 3)]
    except ImportError:
        pass
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="run folder of sectrain")
    parser.add_argument("--bin", default=ROOT / "build" / "bin", type=pathlib.Path, help="folder of the programs")
    parser.add_argument("--hours", default=48, type=int, help="an even number")
    parser.add_argument("--threads", default="0", help="as for secinfer")
    parser.add_argument("--report", action="store_true", help="also write and check the Holter report and its tables")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        seconds = write_record(folder, options.bin, options.hours)
        os.sync()  # write the record to disk before the measurement
        load = os.getloadavg()[0]
        report = ["--report", folder / "report.html", "--rr", folder / "rr.csv", "--nn", folder / "nn.csv"]
        started = time.monotonic()
        child = subprocess.Popen(
            [options.bin / "secinfer", "--model", options.model, "--out", folder / "annotations", "--json",
             "--summary", "--quiet", "--threads", options.threads, *(report if options.report else []), folder / "holter"],
            stdout=subprocess.PIPE)
        summary = json.loads(child.stdout.read())["summary"]
        _, status, usage = os.wait4(child.pid, 0)
        taken = time.monotonic() - started
        if status != 0:
            raise SystemExit("secinfer failed")
        print(json.dumps({
            "hours": seconds / 3600, "beats": sum(summary["beats"].values()), "seconds": round(taken, 2),
            "times_real_time": round(seconds / taken), "peak_mb": round(usage.ru_maxrss / 1024, 1),
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1), "load_before": load,
            "cores": os.cpu_count(), **(check_report(folder) if options.report else {})}))


if __name__ == "__main__":
    main()
