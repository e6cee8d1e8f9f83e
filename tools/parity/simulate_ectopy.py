#!/usr/bin/env python3
"""Makes recordings of patients with mostly premature beats, from recordings with few of them.

A development tool for studying S beats on DS1 alone: no record of DS1 has mostly S beats, but one of DS2 has.
From every record with at least 10 S and 50 N beats it draws 1,000 of the patient's beats in a new order.
The order is a Markov chain: three of four beats are in runs of S, four beats long on average.
Each beat keeps its stretch of signal. Intervals are drawn from the record: a run gets those of S beats.
The pause after an S beat follows the run. All other beats get the median sinus interval.
With --pauses P, a share P of the runs of S beats is followed by a long sinus pause, as in sick sinus syndrome:
2 to 6 s, drawn so that short pauses are more frequent, in which the last level of the signal is held.
The results are WFDB records for the folder of the originals, named s100 for record 100.
Needs wfdb and numpy.

Usage: tools/parity/simulate_ectopy.py [--pauses P] DATABASE OUTPUT RECORD...
"""

import sys
from pathlib import Path

import numpy as np
import wfdb

NORMAL, ECTOPIC = set("NLRej"), set("AaJS")
BEATS = NORMAL | ECTOPIC | set("VEF/fQ")
COUNT, SHARE, RUN = 1000, 0.75, 4  # number of beats, share of S beats, beats per run
LEAD_IN = 0.28  # seconds of signal before an R peak, at most a quarter of the sinus interval
PAUSE = (2, 6)  # seconds, the shortest and the longest sinus pause
FADE = 0.1  # seconds over which the step between two stretches fades


def simulate(database, name, seed, pause_share=0.0):
    """The record, signal (samples, leads) in mV, R peaks and symbols; None if there are too few beats to draw from."""
    rng = np.random.default_rng(seed)
    record = wfdb.rdrecord(str(database / name))
    annotation = wfdb.rdann(str(database / name), "atr")
    beats = [(s, c) for s, c in zip(annotation.sample, annotation.symbol) if c in BEATS]
    peaks, symbols = np.array([s for s, _ in beats]), [c for _, c in beats]
    inner = range(2, len(peaks) - 2)
    normal = [i for i in inner if all(c in NORMAL for c in symbols[i - 1 : i + 2])]
    ectopic = [i for i in inner if symbols[i] in ECTOPIC]
    if len(ectopic) < 10 or len(normal) < 50:
        return None
    intervals = np.diff(peaks, prepend=peaks[0]) / record.fs
    sinus = np.median(intervals[normal])
    early = intervals[ectopic]
    if np.sum(early < 0.95 * sinus) >= 5:
        early = early[early < 0.95 * sinus]
    pauses = [intervals[i + 1] / sinus for i in ectopic if symbols[i + 1] in NORMAL]
    pauses = [p for p in pauses if 0.8 < p < 2.5] or [1.2]

    drawn, in_run, interval_in_run = [], False, sinus  # (beat, seconds since the previous beat)
    for _ in range(COUNT):
        was_in_run = in_run
        in_run = rng.random() < (1 - 1 / RUN if in_run else SHARE / (1 - SHARE) / RUN)
        if in_run and not was_in_run:
            interval_in_run = rng.choice(early)
        interval = interval_in_run if in_run else sinus * (rng.choice(pauses) if was_in_run else 1)
        beat = rng.choice(ectopic if in_run else normal)
        if was_in_run and not in_run and pause_share > 0 and rng.random() < pause_share:
            interval = PAUSE[0] * (PAUSE[1] / PAUSE[0]) ** rng.random()
        drawn.append((beat, max(interval * np.exp(rng.normal(0, 0.04 if in_run else 0.03)), 0.3)))

    ahead = int(min(LEAD_IN, 0.25 * sinus) * record.fs)
    stretches, places, length = [], [], 0
    for k, (beat, _) in enumerate(drawn):
        wanted = int((drawn[k + 1][1] if k + 1 < COUNT else sinus) * record.fs)
        begin, end = peaks[beat] - ahead, peaks[beat + 1] - ahead
        stretch = record.p_signal[begin : min(begin + wanted, end)].copy()
        if wanted > len(stretch):  # hold the last level, with a little noise
            held = stretch[-5:].mean(0) + rng.normal(0, 0.005, (wanted - len(stretch), record.n_sig))
            stretch = np.concatenate([stretch, held])
        if stretches:
            fade = min(int(FADE * record.fs), len(stretch))
            stretch[:fade] += (stretches[-1][-1] - stretch[0]) * np.linspace(1, 0, fade)[:, None]
        places.append(length + ahead)
        stretches.append(stretch)
        length += len(stretch)
    signal = np.clip(np.concatenate(stretches), -5, 5)
    kept = [(p, symbols[beat]) for p, (beat, _) in zip(places, drawn) if p < length]
    return record, signal, np.array([p for p, _ in kept]), [c for _, c in kept]


def main():
    arguments = sys.argv[1:]
    pause_share = 0.0
    if arguments[:1] == ["--pauses"] and len(arguments) > 1:
        try:
            pause_share = float(arguments[1])
        except ValueError:
            pause_share = -1.0
        if not 0 <= pause_share <= 1:
            sys.exit(f"simulate_ectopy: --pauses {arguments[1]}: expected a share between 0 and 1")
        arguments = arguments[2:]
    if len(arguments) < 3 or arguments[0].startswith("-"):
        sys.exit(__doc__)
    database, output = Path(arguments[0]), Path(arguments[1])
    output.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(arguments[2:], 100):
        simulated = simulate(database, name, seed, pause_share)
        if simulated is None:
            print(f"{name}: too few S or N beats")
            continue
        record, signal, peaks, symbols = simulated
        leads = record.n_sig
        wfdb.wrsamp(
            f"s{name}", fs=record.fs, units=["mV"] * leads, sig_name=record.sig_name, p_signal=signal,
            fmt=["212"] * leads, adc_gain=[200] * leads, baseline=[0] * leads, write_dir=str(output),
        )  # fmt: skip
        wfdb.wrann(f"s{name}", "atr", peaks, symbols, write_dir=str(output))
        print(f"s{name}: {sum(c in ECTOPIC for c in symbols)} of {len(symbols)} beats are S")


main()
