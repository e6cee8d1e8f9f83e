#!/usr/bin/env python3
"""Exchanges EDF files with other libraries, in both directions.

  compare_edf.py make FOLDER     writes FOLDER/pyedflib.edf and plain.edf with EDFlib, for our reader
  compare_edf.py check FILE...   reads files of our writer with pyedflib and mne, and compares with the formula below

tests/io/edf/edf_test.cpp reads the files of `make`. It also checks that our writer still produces the files in
tests/io/edf/files that `check` reads, ours.edf and annotations.edf. Needs numpy, pyedflib and mne.
Exit status 0 if all is equal.
"""
import datetime
import sys
from pathlib import Path

import numpy as np


def adu(lead, count):
    """A test signal, by the same formula as in tests/io/edf/edf_test.cpp."""
    i = np.arange(count, dtype=np.int64)
    return (i * i * (7 + lead) + i * 31) % 2001 - 1000


EVENTS = [(0.0, "+\t(N"), (0.25, "N"), (1.5, "V"), (2.875, "pause, then flutter \u2192")]


def make(folder):
    import pyedflib

    def write(path, kind, events):
        with pyedflib.EdfWriter(str(path), 3, file_type=kind) as out:
            if events:
                out.set_number_of_annotation_signals(2)
            out.setStartdatetime(datetime.datetime(2002, 3, 2, 12, 30, 5))
            heads = [("ECG V1", "uV", 256, -5000, 5000), ("ECG II", "mV", 256, -10, 10), ("Resp", "%", 64, -100, 100)]
            for s, (label, units, rate, low, high) in enumerate(heads):
                out.setSignalHeader(s, {"label": label, "dimension": units, "sample_frequency": rate,
                                        "physical_min": low, "physical_max": high, "digital_min": -2000,
                                        "digital_max": 2000, "transducer": "", "prefilter": ""})
            out.writeSamples([adu(0, 768).astype(np.int32), adu(1, 768).astype(np.int32),
                              adu(2, 192).astype(np.int32)], digital=True)
            for onset, text in events:
                out.writeAnnotation(onset, -1, text)

    write(folder / "pyedflib.edf", pyedflib.FILETYPE_EDFPLUS, EVENTS)
    write(folder / "plain.edf", pyedflib.FILETYPE_EDF, [])


def check(path):
    import mne
    import pyedflib

    wrong = []

    def expect(what, found, expected):
        if found != expected:
            wrong.append(f"{path}: {what}: {found}, expected {expected}")

    alone = path.stem == "annotations"
    with pyedflib.EdfReader(str(path)) as file:
        expect("start", file.getStartdatetime(), datetime.datetime(2002, 3, 2, 12, 30, 5))
        onsets, _, texts = file.readAnnotations()
        events = EVENTS if alone else [(0.0, "# Age: 56")] + EVENTS
        expect("annotations", sorted(zip(onsets.tolist(), texts.tolist())), sorted(events))
        expect("signals", file.getSignalLabels(), [] if alone else ["ECG V1", "RESP"])
        for s in range(0 if alone else 2):
            rate, units, count = [(256, "mV", 650), (128, "l", 325)][s]
            expected = adu(s, count)
            digital = file.readSignal(s, digital=True)
            physical = file.readSignal(s)
            expect(f"rate of {s}", file.getSampleFrequency(s), rate)
            expect(f"units of {s}", file.getPhysicalDimension(s), units)
            expect(f"samples of {s}", digital[:count].tolist(), expected.tolist())
            expect(f"padding of {s}", set(digital[count:].tolist()) <= {-32768, -32767}, True)
            if not np.allclose(physical[:count], expected / 200, atol=1e-9):
                wrong.append(f"{path}: physical values of {s}")
    raw = mne.read_annotations(str(path)) if alone else mne.io.read_raw_edf(str(path), verbose="error").annotations
    expect("mne's annotations", sorted((round(float(o), 6), str(d)) for o, d in zip(raw.onset, raw.description)),
           sorted(events))
    print("\n".join(wrong) if wrong else f"{path}: equal in pyedflib and mne")
    return not wrong


def main():
    if len(sys.argv) > 2 and sys.argv[1] == "make":
        make(Path(sys.argv[2]))
    elif len(sys.argv) > 2 and sys.argv[1] == "check":
        if not all([check(Path(path)) for path in sys.argv[2:]]):
            sys.exit(1)
    else:
        print(__doc__, file=sys.stderr)
        sys.exit(2)


main()
