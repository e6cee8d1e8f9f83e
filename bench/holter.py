#!/usr/bin/env python3
"""Measures how fast secinfer reads a long Holter recording, and how much memory it needs.

Makes a record of 48 hours with three leads at 360 Hz. Two leads repeat two synthetic hours.
The third lead is their difference. Reads the record with the given model, and prints one line of JSON.
"""
import argparse
import array
import json
import os
import pathlib
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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="run folder of sectrain")
    parser.add_argument("--bin", default=ROOT / "build" / "bin", type=pathlib.Path, help="folder of the programs")
    parser.add_argument("--hours", default=48, type=int, help="an even number")
    parser.add_argument("--threads", default="0", help="as for secinfer")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        seconds = write_record(folder, options.bin, options.hours)
        os.sync()  # write the record to disk before the measurement
        load = os.getloadavg()[0]
        started = time.monotonic()
        child = subprocess.Popen(
            [options.bin / "secinfer", "--model", options.model, "--out", folder / "annotations", "--json",
             "--summary", "--quiet", "--threads", options.threads, folder / "holter"], stdout=subprocess.PIPE)
        summary = json.loads(child.stdout.read())["summary"]
        _, status, usage = os.wait4(child.pid, 0)
        taken = time.monotonic() - started
        if status != 0:
            raise SystemExit("secinfer failed")
        print(json.dumps({
            "hours": seconds / 3600, "beats": sum(summary["beats"].values()), "seconds": round(taken, 2),
            "times_real_time": round(seconds / taken), "peak_mb": round(usage.ru_maxrss / 1024, 1),
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1), "load_before": load,
            "cores": os.cpu_count()}))


if __name__ == "__main__":
    main()
