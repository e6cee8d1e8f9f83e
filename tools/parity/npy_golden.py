#!/usr/bin/env python3
"""Writes arrays with NumPy for tests/io/tables/table_test.cpp, and checks with NumPy the arrays that we write.

  npy_golden.py make FOLDER           writes FOLDER/*.npy and their side files
  npy_golden.py check ours.npy        compares the file's values with the formula; exit status 1 if they differ

Needs numpy.
"""
import json
import sys
from pathlib import Path

import numpy as np


def adu(lead, count):
    """A test signal, by the same formula as in tests/io/tables/table_test.cpp."""
    i = np.arange(count, dtype=np.int64)
    return (i * i * (7 + lead) + i * 31) % 2001 - 1000


def make(folder):
    both = np.stack([adu(0, 40), adu(1, 40)], axis=1)
    arrays = {
        "f4": (both / 200).astype("<f4"),
        "f8_big_fortran": np.asfortranarray((both / 200).astype(">f8")),
        "i2_fortran": np.asfortranarray(both.astype("<i2")),
        "i4_big": both.astype(">i4"),
        "f8_one": (adu(0, 40) / 200).astype("<f8"),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
        side = {"rate": 360, "leads": ["I", "V1"][: 1 if array.ndim == 1 else 2]}
        if array.dtype.kind == "i":
            side |= {"gain": 200, "baseline": 0}
        (folder / f"{name}.json").write_text(json.dumps(side) + "\n")


def check(path):
    array = np.load(path)
    expected = (np.stack([adu(0, 40), adu(1, 40)], axis=1) / 200).astype(np.float32)
    equal = array.dtype == np.float32 and np.array_equal(array, expected)
    side = json.loads(Path(f"{path}.json").read_text())
    equal = equal and side["rate"] == 360 and side["leads"] == ["I", "V1"] and side["units"] == ["mV", "mV"]
    print(f"{path}: {'equal' if equal else 'DIFFERENT'}")
    return equal


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "make":
        make(Path(sys.argv[2]))
    elif len(sys.argv) == 3 and sys.argv[1] == "check":
        sys.exit(0 if check(Path(sys.argv[2])) else 1)
    else:
        print(__doc__, file=sys.stderr)
        sys.exit(2)


main()
