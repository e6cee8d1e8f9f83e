#!/usr/bin/env python3
"""Compares `secdata dump` with Python's wfdb: every sample and every annotation.

  compare_wfdb.py [FOLDER...] [--secdata build/bin/secdata] [--tests build/bin/test_io] [--golden FILE --of FOLDER]

Both programs read every record and annotation file below the folders.
Digital samples, physical samples and annotations must be equal.
Then wfdb writes test files to a temporary folder for us to read: every format that it can write, byte offsets,
several samples per frame, segments, and annotations of custom types. In the other direction, wfdb reads the formats
16, 24 and 212 that our test RecordsForOtherPrograms (--tests PROGRAM) writes.

Lists the files that only one program reads, or neither, and wfdb's known errors. Exit status 0 if nothing differs.
--golden writes digests of what wfdb reads, for the tests of io. Needs numpy, pandas, soundfile and wfdb (4.3.1).
"""
import argparse
import csv
import datetime
import io
import os
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import wfdb

VOLTS = {"V": 1e3, "mV": 1, "mv": 1, "uV": 1e-3, "nV": 1e-6}
ANNOTATORS = {".atr", ".qrs", ".sqrs", ".wqrs", ".ecg", ".ari", ".ann"}
INVALID = {"8": None, "80": -1 << 7, "508": -1 << 7, "310": -1 << 9, "311": -1 << 9, "212": -1 << 11, "16": -1 << 15,
           "61": -1 << 15, "160": -1 << 15, "516": -1 << 15, "24": -1 << 23, "524": -1 << 23, "32": -1 << 31}


class Refused(Exception):
    """One of the two programs fails to read the file."""


def run(*command, **environment):
    done = subprocess.run([str(part) for part in command], capture_output=True, check=False,
                          env=os.environ | environment)
    if done.returncode != 0:
        raise Refused(done.stderr.decode("latin-1").strip() or done.stdout.decode("latin-1")[-2000:])
    return done.stdout.decode("latin-1")


def ours(secdata, path, per_frame, *options):
    """[lead] of f64 samples, NaN where invalid. The dump has a row per sample of the fastest lead.
    Between the samples of slower leads it has empty cells."""
    text = run(secdata, "dump", path, *options)
    table = pd.read_csv(io.StringIO(text), na_values=["nan"], header=None, skiprows=1,
                        dtype=np.float64, skip_blank_lines=False, names=range(len(per_frame)))
    rows = max(per_frame, default=1)
    leads = []
    for lead, each in enumerate(per_frame):
        column = table[lead].to_numpy().reshape(-1, rows)
        at = [k * rows // each for k in range(each)]
        if np.isfinite(np.delete(column, at, axis=1)).any():
            raise Refused(f"lead {lead} has cells where it has no sample")
        leads.append(column[:, at].reshape(-1))
    return leads


def theirs(path, physical):
    """The record, and [lead] of f64 samples, NaN where invalid, voltages in mV."""
    try:
        try:
            record = wfdb.rdrecord(str(path), physical=physical, smooth_frames=False, return_res=64)
        except ValueError as error:
            # wfdb cannot parse its own name of the byte type, except with smooth_frames.
            # smooth_frames has no effect at one sample per frame.
            if "invalid literal for int()" not in str(error) or set(wfdb.rdheader(str(path)).samps_per_frame) != {1}:
                raise
            record = wfdb.rdrecord(str(path), physical=physical, return_res=64)
            record.e_p_signal = None if record.p_signal is None else list(record.p_signal.T)
            record.e_d_signal = None if record.d_signal is None else list(record.d_signal.T)
    except Exception as error:  # wfdb raises exceptions of many kinds
        raise Refused(f"{type(error).__name__}: {error}") from error
    if physical:
        signals = record.e_p_signal or []
        return record, [x * VOLTS.get(u, 1) for x, u in zip(signals, record.units)]
    leads = []
    for x, fmt in zip(record.e_d_signal or [], record.fmt):
        lead = x.astype(np.float64)
        if fmt is not None and INVALID[fmt] is not None:
            lead[x == INVALID[fmt]] = np.nan
        leads.append(lead)
    return record, leads


def differ(a, b, tolerance):
    """The first difference, or None. `tolerance` is relative, per lead."""
    if [len(x) for x in a] != [len(x) for x in b]:
        return f"leads of {[len(x) for x in a]} samples, wfdb has {[len(x) for x in b]}"
    for lead, (x, y) in enumerate(zip(a, b)):
        same = (np.abs(x - y) <= tolerance[lead] * np.abs(y)) | (np.isnan(x) & np.isnan(y))
        if not same.all():
            i = int(np.argmin(same))
            return f"lead {lead}: sample {i} is {x[i]}, wfdb has {y[i]}"
    return None


def compare_signals(secdata, path):
    """The first difference, or None. Raises Refused if one of the programs fails to read the record."""
    record, physical = theirs(path, True)
    per_frame = list(record.samps_per_frame or [])
    # Our samples are f32, equal to wfdb's rounded ones. Where a unit is converted, the last bit may differ.
    tolerance = [2 ** -23 if VOLTS.get(u, 1) != 1 else 0 for u in record.units or []]
    problem = differ(*([x.astype(np.float32).astype(np.float64) for x in leads]
                       for leads in (ours(secdata, path, per_frame), physical)), tolerance)
    if problem:
        return "physical: " + problem
    try:
        record, digital = theirs(path, False)
    except Refused as error:
        try:
            mine = ours(secdata, path, per_frame, "--digital")
        except Refused as own:
            if "has different gains or baselines" in str(own):
                return None  # segments with different scales: neither program gives digital samples
            return f"digital: {own}"
        if any(np.isfinite(lead).any() for lead in mine + physical):
            return f"digital: only wfdb refuses: {error}"
        return None  # a record with only gaps, for which wfdb finds no format
    problem = differ(ours(secdata, path, per_frame, "--digital"), digital, [0] * len(digital))
    return "digital: " + problem if problem else None


def annotations_of(secdata, path, annotator):
    rows = list(csv.reader(io.StringIO(run(secdata, "dump", path, "--annotations", "--annotator", annotator))))[1:]
    # wfdb skips annotations of type 0, and all notes at sample 0, even those that do not describe the file.
    return [row for row in ((int(r[0]), r[1], int(r[2]), int(r[3]), int(r[4]), r[5]) for r in rows)
            if row[1] != " " and row[:2] != (0, '"')]


def compare_annotations(secdata, path, annotator):
    """The first difference, or None; and the number of annotations."""
    mine = annotations_of(secdata, path, annotator)
    a = wfdb.rdann(str(path), annotator, return_label_elements=["symbol"])
    # wfdb returns times in the annotation file's resolution.
    rate = wfdb.rdheader(str(path)).fs
    sample = a.sample if a.fs is None else np.floor(a.sample * (rate / a.fs) + 0.5)
    other = [(int(sample[i]), a.symbol[i], int(a.subtype[i]), int(a.chan[i]), int(a.num[i]),
              a.aux_note[i].rstrip("\0")) for i in range(len(a.sample))]
    if len(mine) != len(other):
        return f"{len(mine)} annotations, wfdb has {len(other)}", len(other)
    for i, (x, y) in enumerate(zip(mine, other)):
        if x != y:
            return f"annotation {i} is {x}, wfdb has {y}", len(other)
    return None, len(other)


# --- Files that wfdb writes and we read.


def write_formats(folder):
    """Writes every format that wfdb can write, with the smallest and largest values and invalid samples."""
    random = np.random.default_rng(7)
    for fmt in ["16", "24", "32", "80", "212", "508", "516", "524"]:
        low = INVALID[fmt]
        for name, leads in ((f"one{fmt}", 1), (f"three{fmt}", 3)):
            x = random.integers(low + 1, -low, (1001, leads))
            x[:4, 0] = [low + 1, -low - 1, low, 0]
            wfdb.wrsamp(name, fs=250, units=["mV", "uV", "mmHg"][:leads], sig_name=["I", "II", "P"][:leads],
                        d_signal=x, fmt=[fmt] * leads, adc_gain=[200.0, 16.5, 4.0][:leads],
                        baseline=[0, 100, -7][:leads], comments=["written by wfdb"], write_dir=str(folder))
            header = folder / f"{name}.hea"  # wfdb can read negative gains but not write them
            header.write_text(header.read_text().replace(" 16.5(", " -16.5("))


def write_frames(folder, name, file, fmt, offset, frames=300, names=("a", "b"), per_frame=(4, 1)):
    random = np.random.default_rng(len(name))
    n = len(names)
    record = wfdb.Record(record_name=name, n_sig=n, fs=125, sig_len=frames, samps_per_frame=list(per_frame),
                         e_d_signal=[random.integers(-100, 100, frames * each) for each in per_frame], fmt=[fmt] * n,
                         byte_offset=[offset] * n, file_name=[file] * n, adc_gain=[200.0] * n, baseline=[0] * n,
                         units=["mV"] * n, sig_name=list(names), skew=[0] * n, adc_res=[16] * n, adc_zero=[0] * n,
                         block_size=[0] * n)
    record.set_d_features(expanded=True)
    record.wrheader(str(folder), expanded=True)
    with open(os.devnull, "w", encoding="utf-8") as null:
        stdout, sys.stdout = sys.stdout, null  # wfdb prints a message about bytes before the samples
        try:
            record.wr_dats(expanded=True, write_dir=str(folder))
        finally:
            sys.stdout = stdout


def write_others(folder):
    write_frames(folder, "frames", "frames.dat", "212", 0)
    write_frames(folder, "matlab", "matlab.mat", "16", 24, per_frame=(1, 1))
    write_frames(folder, "matlabframes", "matlabframes.mat", "16", 24)
    write_frames(folder, "flacframes", "flacframes.dat", "516", 0, per_frame=(3, 3))
    # Skewed leads, and records whose length follows only from the file's size.
    text = (folder / "matlab.hea").read_text()
    (folder / "late.hea").write_text(text.replace("matlab 2", "late 2").replace("16:0+24", "16:3+24")
                                     .replace("16x1:0+24", "16x1:3+24"))
    (folder / "unknown.hea").write_text(text.replace("matlab 2 125 300", "unknown 2 125"))
    (folder / "returns.hea").write_text(text.replace("matlab 2", "returns 2").replace("\n", "\r\n"), newline="")
    # Records in segments: one with a fixed layout, one with a variable layout, a gap, and leads in some segments only.
    (folder / "fixed.hea").write_text("fixed/2 2 125 600\nframes 300\nmatlabframes 300\n")
    write_frames(folder, "piece1", "piece1.dat", "16", 0, names=("b",), per_frame=(1,))
    write_frames(folder, "piece2", "piece2.dat", "80", 0, names=("c", "a"), per_frame=(1, 2))
    (folder / "layout.hea").write_text("layout 3 125 0\n" + "".join(
        f"~ 0x{each} 200/mV 16 0 0 0 0 {name}\n" for name, each in (("a", 2), ("b", 1), ("c", 1))))
    (folder / "variable.hea").write_text("variable/5 3 125 1000\nlayout 0\npiece1 300\n~ 100\npiece2 300\npiece1 300\n")
    random = np.random.default_rng(3)
    at = np.sort(random.integers(1, 10 ** 6, 200))
    wfdb.wrann("frames", "atr", at, ["N", "V", "y", "K"] * 50, subtype=random.integers(-128, 128, 200),
               chan=random.integers(0, 3, 200), num=random.integers(0, 128, 200),
               aux_note=["", "(N", "odd", "four"] * 50, fs=125,
               custom_labels=[(42, "y", "of our own"), (15, "K", "K complex")], write_dir=str(folder))


# --- Files that we write and wfdb reads: see RecordsForOtherPrograms in tests/io.


def compare_written(tests, folder):
    run(tests, "--gtest_filter=WfdbSignal.RecordsForOtherPrograms", SEC_WRITTEN=str(folder))
    problems = []
    for fmt, top in (("16", 32767), ("24", 8388607), ("212", 2047)):
        record, leads = theirs(folder / f"w{fmt}", False)
        i = np.arange(1000)
        first = (i * 1234577 % (2 * top + 1) - top).astype(np.float64)
        second = np.where(np.arange(3000) % 7 == 3, np.nan, top - np.arange(3000) % top)
        problem = differ(leads, [first, second], [0, 0])
        signals = [record.e_d_signal[0], record.e_d_signal[1]]
        facts = {"fs": (record.fs, 360), "samps_per_frame": (record.samps_per_frame, [1, 3]),
                 "adc_gain": (record.adc_gain, [200.5, -1000]), "baseline": (record.baseline, [1024, -3]),
                 "units": (record.units, ["mV", "mmHg"]), "sig_name": (record.sig_name, ["MLII", "art. pressure"]),
                 "comments": (record.comments, ["Age: 69", "Sex: F"]),
                 "base_time": (record.base_time, datetime.time(23, 59, 1, 500000)),
                 "base_date": (record.base_date, datetime.date(2024, 2, 29)),
                 "init_value": (record.init_value, [int(x[0]) for x in signals]),
                 "checksum": ([c % 65536 for c in record.checksum], [int(x.sum()) % 65536 for x in signals])}
        problem = problem or next((f"{name} is {got}, written {want}" for name, (got, want) in facts.items()
                                   if got != want), None)
        a = wfdb.rdann(str(folder / f"w{fmt}"), "atr")
        got = [(int(a.sample[k]), a.symbol[k], int(a.subtype[k]), int(a.chan[k]), int(a.num[k]), a.aux_note[k])
               for k in range(len(a.sample))]
        want = [(5, "+", 0, 0, 0, "(AFIB"), (700, "N", -128, 255, 127, ""), (700, "sp", 1, 0, -1, "a note"),
                (100000, "K", 0, 0, -1, "x" * 255)]
        problem = problem or (f"annotations are {got}" if got != want or a.fs != 360 else None)
        labels = [tuple(x) for x in a.custom_labels.itertuples(index=False)] if a.custom_labels is not None else []
        if not problem and labels != [(42, "sp", "spindle of sleep"), (15, "K", "K complex")]:
            problem = f"labels are {labels}"
        if problem:
            problems.append(f"written w{fmt}: {problem}")
    return problems


# --- Known errors of wfdb, repeated here so that we notice when they are fixed.


def known_mistakes(secdata, folder):
    lines = []
    # With a byte offset before a FLAC stream, wfdb reads the file from its beginning and skips samples instead.
    stream = (folder / "one516.dat").read_bytes()
    (folder / "shifted.dat").write_bytes(b"\0" * 24 + stream)
    header = (folder / "one516.hea").read_text().replace("one516 ", "shifted ")
    (folder / "shifted.hea").write_text(header.replace("one516.dat 516", "shifted.dat 516+24"))
    if differ(ours(secdata, folder / "shifted", [1], "--digital"), theirs(folder / "one516", False)[1], [0]):
        lines.append("DIFFERENT: a FLAC stream after 24 bytes is not the stream itself")
    try:
        theirs(folder / "shifted", False)
        lines.append("wfdb now reads FLAC streams at a byte offset: compare them")
    except Refused as error:
        lines.append(f"wfdb takes the byte offset of a FLAC stream for a number of samples: {error}")
    # When format 8 is read from the middle, wfdb adds the differences to the header's initial value.
    differences = np.array([0, 5, -3, 7, 100, -127], np.int8)
    (folder / "eight.dat").write_bytes(differences.tobytes())
    want = [10 + np.cumsum(differences.astype(np.float64))]
    (folder / "eight.hea").write_text(f"eight 1 250 6\neight.dat 8 200 12 0 10 {int(want[0].sum())} 0 a\n")
    if differ(ours(secdata, folder / "eight", [1], "--digital"), want, [0]) or \
            differ(ours(secdata, folder / "eight", [1], "--digital", "--from", "s3"), [want[0][3:]], [0]):
        lines.append("DIFFERENT: format 8 is not the sum of its differences")
    got = wfdb.rdrecord(str(folder / "eight"), sampfrom=3, physical=False).d_signal[:, 0]
    lines.append(f"wfdb begins a window of format 8 at the header's initial value: {got.tolist()}, the samples are "
                 f"{want[0][3:].astype(int).tolist()}" if list(got) != list(want[0][3:]) else
                 "wfdb now reads windows of format 8: compare them")
    return lines


# --- Digests for tests that run without Python.


def crc_of(lead, kind):
    """CRC-32 of the samples as little-endian `kind`; NaN is 0x7fc00000 in f32 and the smallest value in i32."""
    if kind == "<i4":
        lead = np.where(np.isnan(lead), -2 ** 31, lead)
    return zlib.crc32(lead.astype(kind).tobytes())


def golden_lines(folder):
    yield "// Written by tools/parity/compare_wfdb.py --golden: what Python's wfdb reads.\n"
    yield "// record, lead, samples, CRC-32 of them as i32 (0: none) and as f32, the first, middle and last as f32\n"
    pieces = set()
    for header in sorted(folder.rglob("*.hea"), key=lambda h: ("/" not in h.read_text().split()[0], h)):
        path = header.with_suffix("")
        if path in pieces:
            continue  # segments are read as part of their record
        try:
            physical = theirs(path, True)[1]
        except Refused:
            continue
        if isinstance(wfdb.rdheader(str(path)), wfdb.MultiRecord):
            pieces |= {path.parent / name for name in wfdb.rdheader(str(path)).seg_name}
        try:
            digital = theirs(path, False)[1]
        except Refused:
            digital = [None] * len(physical)
        for lead, (x, d) in enumerate(zip(physical, digital)):
            if len(x) == 0:
                continue
            crc = 0 if d is None else crc_of(d, "<i4")
            three = x[[0, len(x) // 2, -1]].astype(np.float32)
            some = ", ".join("no" if np.isnan(v) else f"{v!s}F" for v in three)
            yield (f'{{"{path.relative_to(folder)}", {lead}, {len(x)}, {crc:#010x}U, {crc_of(x, "<f4"):#010x}U, '
                   f"{{{some}}}}},\n")


class Tally:
    def __init__(self):
        self.equal = self.annotations = self.files = 0
        self.different, self.only_ours, self.neither = [], [], []

    def compare(self, secdata, header):
        path = header.with_suffix("")
        try:
            problem = compare_signals(secdata, path)
        except Refused as error:
            self.refused(secdata, path, error)
            return
        if problem:
            self.different.append(f"{path}: {problem}")
        else:
            self.equal += 1

    def refused(self, secdata, path, error):
        """Notes which of the programs failed to read the record, and why."""
        mine = other = None
        try:
            run(secdata, "dump", path)
        except Refused as reason:
            mine = reason
        try:
            theirs(path, True)
        except Refused as reason:
            other = reason
        if mine is None and other is None:
            self.different.append(f"{path}: {error}")
        elif mine is None:
            self.only_ours.append(f"{path}: wfdb: {other}")
        elif other is None:
            self.different.append(f"{path}: only we refuse it: {mine}")
        else:
            self.neither.append(f"{path}: {mine}")

    def compare_annotations(self, secdata, file):
        if not file.with_suffix(".hea").exists():
            self.neither.append(f"{file}: no header says its rate")
            return
        try:
            problem, count = compare_annotations(secdata, file.with_suffix(""), file.suffix[1:])
        except Refused as error:
            problem, count = str(error), 0
        self.files += 1
        self.annotations += count
        if problem:
            self.different.append(f"{file}: {problem}")

    def folder(self, secdata, folder):
        for file in sorted(folder.rglob("*")):
            if file.suffix == ".hea":
                self.compare(secdata, file)
            elif file.suffix in ANNOTATORS:
                self.compare_annotations(secdata, file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER")
    parser.add_argument("--secdata", type=Path, default=Path("build/bin/secdata"))
    parser.add_argument("--tests", type=Path, default=Path("build/bin/test_io"))
    parser.add_argument("--golden", type=Path, help="write digests of --of to this file, and compare nothing")
    parser.add_argument("--of", type=Path, help="the folder of --golden")
    args = parser.parse_args()
    if args.golden:
        if not args.of:
            parser.error("--golden needs --of")
        args.golden.write_text("".join(golden_lines(args.of)), encoding="utf-8")
        return 0
    tally = Tally()
    for folder in args.folders:
        if not folder.is_dir():
            parser.error(f"{folder} is not a folder")
        tally.folder(args.secdata, folder)
    with tempfile.TemporaryDirectory() as temporary:
        theirs_to_us, ours_to_them = Path(temporary, "wfdb"), Path(temporary, "sec")
        theirs_to_us.mkdir()
        ours_to_them.mkdir()
        write_formats(theirs_to_us)
        write_others(theirs_to_us)
        tally.folder(args.secdata, theirs_to_us)
        tally.different += compare_written(args.tests, ours_to_them)
        mistakes = known_mistakes(args.secdata, theirs_to_us)
        tally.different += [line for line in mistakes if line.startswith("DIFFERENT")]
    for title, lines in (("known", [line for line in mistakes if not line.startswith("DIFFERENT")]),
                         ("only we read", tally.only_ours), ("neither reads", tally.neither),
                         ("DIFFERENT", tally.different)):
        for line in lines:
            print(f"{title}: {line}")
    print(f"{tally.equal} records equal, {tally.annotations} annotations in {tally.files} files, "
          f"{len(tally.only_ours)} that only we read, {len(tally.neither)} that neither reads, "
          f"{len(tally.different)} different")
    return 1 if tally.different else 0


if __name__ == "__main__":
    sys.exit(main())
