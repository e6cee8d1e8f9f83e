#!/usr/bin/env python3
"""Writes tests/io/signal/golden_resample.inc: results of scipy.signal.resample for a few signals.

A development tool: it needs numpy and scipy. The signals are sums of sines.
The test generates them by the same formula. Of the longer results every 101st sample is kept.

Usage: tools/parity/resample_golden.py [OUTPUT]
"""

import sys

import numpy as np
from scipy.signal import resample

CASES = [(5000, 2048), (2048, 5000), (720, 512), (777, 400), (400, 777), (11, 7), (8, 12), (12, 8), (9, 9), (997, 500)]


def signal(n):
    """A test signal, as in tests/io/signal/fourier_resample_test.cpp: beats, a drift and a chirp."""
    t = np.arange(n)
    value = 0.8 * np.sin(0.031 * t) + 0.1 * np.sin(1.7 * t + 1) + 0.3 * np.sin(0.0007 * t * t) + 0.001 * t
    return value.astype(np.float32)


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "tests/io/signal/golden_resample.inc"
    lines = ["// Written by tools/parity/resample_golden.py: {from, to, step, every step-th sample of the result}."]
    for n, count in CASES:
        result = resample(signal(n).astype(np.float64), count)
        step = 101 if count > 100 else 1
        values = ", ".join(f"{value:.6f}" for value in result[::step] + 0.0)
        lines.append(f"{{{n}, {count}, {step}, {{{values}}}}},")
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
