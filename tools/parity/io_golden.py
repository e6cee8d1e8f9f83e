#!/usr/bin/env python3
"""Writes reference values for the tests of io, computed by scipy and by Python's wfdb.

  io_golden.py filters           > tests/io/signal/golden_filters.inc
  io_golden.py records FOLDER    > tests/io/databases/golden_mitdb.inc

FOLDER is a WFDB database such as mitdb. Needs numpy, scipy and wfdb.
"""
import sys
import zlib
from pathlib import Path

import numpy as np


def test_signal(n):
    """A test signal that is exact in f32, by the same formula as in tests/io/signal/filters_test.cpp."""
    i = np.arange(n, dtype=np.int64)
    return (((i * i * 7919 + i * 104729) % 2003 + i * 4) / 512.0).astype(np.float32)


def row(name, values):
    body = ", ".join(f"{v:.9g}F" if "." in f"{v:.9g}" or "e" in f"{v:.9g}" else f"{v:.9g}.0F" for v in values)
    print(f"constexpr float {name}[] = {{{body}}};")


def filters():
    from scipy import ndimage, signal

    print("// Written by tools/parity/io_golden.py: values of scipy.")
    x = test_signal(100)
    row("golden_median_7", ndimage.median_filter(x, 7, mode="nearest"))
    row("golden_median_31", ndimage.median_filter(x, 31, mode="nearest"))
    row("golden_median_151", ndimage.median_filter(x, 151, mode="nearest"))
    b, a = signal.butter(2, 0.5, "highpass", fs=100)
    row("golden_high_pass", signal.filtfilt(b, a, x.astype(np.float64)))
    for up, down in ((1, 2), (25, 72), (16, 45), (3, 1), (1, 3)):
        row(f"golden_resample_{up}_{down}",
            signal.resample_poly(x.astype(np.float64), up, down, padtype="edge"))


def records(folder):
    import wfdb

    print("// Written by tools/parity/io_golden.py: what Python's wfdb reads.")
    print("// record, samples, CRC-32 by lead of the samples as i16, annotations, CRC-32 of their text, beats")
    beats = set("NLRBAaJSVrFejnE/fQ?")
    for name in (folder / "RECORDS").read_text().split():
        record = wfdb.rdrecord(str(folder / name), physical=False)
        crc = [zlib.crc32(np.ascontiguousarray(record.d_signal[:, s], dtype="<i2").tobytes())
               for s in range(record.n_sig)]
        atr = wfdb.rdann(str(folder / name), "atr")
        text = "".join(
            f"{atr.sample[i]},{atr.symbol[i]},{atr.subtype[i]},{atr.chan[i]},{atr.num[i]},"
            + atr.aux_note[i].rstrip("\0") + "\n" for i in range(len(atr.sample)))
        count = sum(symbol in beats for symbol in atr.symbol)
        print(f'{{"{name}", {record.sig_len}, {{0x{crc[0]:08x}U, 0x{crc[1]:08x}U}}, {len(atr.sample)}, '
              f"0x{zlib.crc32(text.encode('latin-1')):08x}U, {count}}},")


if __name__ == "__main__":
    if sys.argv[1:] == ["filters"]:
        filters()
    elif len(sys.argv) == 3 and sys.argv[1] == "records":
        records(Path(sys.argv[2]))
    else:
        sys.exit(__doc__)
