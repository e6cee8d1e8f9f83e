#!/usr/bin/env python3
"""Compares what `secdata dump` prints with what Python's wfdb reads, sample by sample and annotation by
annotation, for every record of a folder that both are meant to read (formats 16 and 212, one sample a frame).

  compare_wfdb.py FOLDER [--secdata build/bin/secdata]

Exit status 0 if all is equal. Needs numpy and wfdb.
"""
import argparse
import csv
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import wfdb


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode("latin-1").strip())
    return done.stdout.decode("latin-1")


def signals_differ(secdata, path):
    """None if equal, otherwise what differs."""
    ours = np.genfromtxt(io.StringIO(run(secdata, "dump", path, "--digital")), delimiter=",", skip_header=1,
                         ndmin=2, comments=None)
    record = wfdb.rdrecord(str(path), physical=False)
    theirs = record.d_signal.astype(np.float64)
    for s, fmt in enumerate(record.fmt):
        theirs[theirs[:, s] == (-2048 if fmt == "212" else -32768), s] = np.nan
    ours = ours.reshape(-1, theirs.shape[1])
    if ours.shape != theirs.shape:
        return f"{ours.shape} samples and leads, wfdb has {theirs.shape}"
    if not np.array_equal(ours, theirs, equal_nan=True):
        i, lead = np.argwhere((ours != theirs) & ~(np.isnan(ours) & np.isnan(theirs)))[0]
        return f"sample {i} of lead {lead} is {ours[i, lead]}, wfdb has {theirs[i, lead]}"
    return None


def annotations_differ(secdata, path, annotator):
    rows = list(csv.reader(io.StringIO(run(secdata, "dump", path, "--annotations", "--annotator", annotator))))[1:]
    ours = [(int(r[0]), r[1], int(r[2]), int(r[3]), int(r[4]), r[5]) for r in rows]
    a = wfdb.rdann(str(path), annotator)
    theirs = [(int(a.sample[i]), a.symbol[i], int(a.subtype[i]), int(a.chan[i]), int(a.num[i]),
               a.aux_note[i].rstrip("\0")) for i in range(len(a.sample))]
    if ours == theirs:
        return None, len(theirs)
    if len(ours) != len(theirs):
        return f"{len(ours)} annotations, wfdb has {len(theirs)}", len(theirs)
    i = next(i for i in range(len(ours)) if ours[i] != theirs[i])
    return f"annotation {i} is {ours[i]}, wfdb has {theirs[i]}", len(theirs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--secdata", type=Path, default=Path("build/bin/secdata"))
    args = parser.parse_args()
    equal = skipped = annotations = 0
    different = []
    for header_file in sorted(args.folder.rglob("*.hea")):
        path = header_file.with_suffix("")
        header = wfdb.rdheader(str(path))
        if isinstance(header, wfdb.MultiRecord) or not header.n_sig or \
                set(header.fmt) - {"16", "212"} or set(header.samps_per_frame) != {1}:
            skipped += 1
            continue
        try:
            problem = signals_differ(args.secdata, path)
            if problem is None and path.with_suffix(".atr").exists():
                problem, count = annotations_differ(args.secdata, path, "atr")
                annotations += count
        except (RuntimeError, ValueError) as error:
            problem = str(error)
        if problem is None:
            equal += 1
        else:
            different.append(path)
            print(f"{path}: {problem}")
    print(f"{equal} records equal with {annotations} annotations, {len(different)} different, "
          f"{skipped} of other formats skipped")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
