"""Compares sectrain's samples per second with those of the bare training step, whose batch is in memory.
The difference is the cost of the loader, the log and the rest of a run."""

import array
import json
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

from comparison import PeerError, Worker, spread

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECIPE = "recipes/mitdb-inter.toml"
BATCH, CHANNELS, LENGTH, CLASSES = 128, 4, 144, 4  # the recipe's batch
LOG_STEPS = 4
# The bare step has no gradient clipping and no averaged weights. The loader works as in the recipe.
SETTINGS = [f"train.log_steps={LOG_STEPS}", "train.clip_norm=0", "train.average_decay=0"]
WARM = 8  # uncounted steps at the start: eager, captured, first replays with cold caches


def write_batch(path):
    """Writes a batch for bench_steps; its values do not affect the time."""
    draw = random.Random(1)
    from comparison import write_safetensors

    write_safetensors(path, {
        "x": ("F32", [BATCH, CHANNELS, LENGTH],
              array.array("f", (draw.gauss(0, 1) for _ in range(BATCH * CHANNELS * LENGTH)))),
        "labels": ("I32", [BATCH], array.array("i", (draw.randrange(CLASSES) for _ in range(BATCH))))})


def follow(process, log, pause=0.005):
    """The lines of a growing log, each with the time when it was written."""
    seen, lines = 0, []
    while True:
        ended = process.poll() is not None
        try:
            state = os.stat(log)
        except FileNotFoundError:
            state = None
        if state and state.st_size > seen:
            with open(log, encoding="utf-8") as file:
                file.seek(seen)
                text = file.read()
            whole = text[: text.rfind("\n") + 1]
            seen += len(whole.encode())
            lines += [(state.st_mtime_ns * 1e-9, json.loads(line)) for line in whole.splitlines()]
        if ended:
            return lines
        time.sleep(pause)


def rate(lines, batch, warm=WARM):
    """Samples per second between the step lines of a log. None if there are too few lines.
    Waiting for the loader counts, validation between epochs does not."""
    samples = seconds = 0.0
    last = None
    for moment, line in lines:
        if line.get("event") != "step":
            last = None  # the epoch has ended
            continue
        if last and last[1] >= warm:
            samples += (line["step"] - last[1]) * batch
            seconds += moment - last[0]
        last = (moment, line["step"])
    return samples / seconds if seconds > 0 else None


def run_sectrain(programs, options, data, out, epochs):
    command = [programs / "sectrain", "--config", ROOT / RECIPE, "--data", data, "--out", out, "--overwrite", "--quiet",
               *options, "--set", f"train.epochs={epochs}", *(word for s in SETTINGS for word in ("--set", s))]
    (pathlib.Path(out) / "log.jsonl").unlink(missing_ok=True)  # deletes the log of the previous run
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True)
    lines = follow(process, f"{out}/log.jsonl")
    error = process.stderr.read().strip()
    if process.returncode != 0:
        raise PeerError(f"sectrain ended with status {process.returncode}: {error}")
    return lines


def measure(programs, options, rounds, epochs, seconds, minutes):
    """Alternates `rounds` trainings of `epochs` epochs with about `seconds` of the bare step.
    An epoch has about 25 steps per minute of synthetic signal."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([str(programs / "secdata"), "synth", f"{folder}/data", "--minutes", str(minutes),
                        "--quiet"], check=True)
        run_sectrain(programs, options, f"{folder}/data", f"{folder}/run", 1)  # makes a model of the recipe's network
        subprocess.run([str(programs / "secmodel"), "export", f"{folder}/run/best.safetensors", "--out",
                        f"{folder}/weights.safetensors"], check=True, stdout=subprocess.DEVNULL)
        write_batch(f"{folder}/batch.safetensors")
        whole, bare = [], []
        with Worker("bench_steps", [programs / "bench_steps", *options]) as worker:
            worker.ask("load", f"{folder}/weights.safetensors", f"{folder}/batch.safetensors")
            steps = max(1, round(seconds / worker.ask("train", 4)["seconds"] * 4))
            for _ in range(rounds):
                bare.append(BATCH * steps / worker.ask("train", steps)["seconds"])
                whole.append(rate(run_sectrain(programs, options, f"{folder}/data", f"{folder}/run", epochs), BATCH))
            bare.append(BATCH * steps / worker.ask("train", steps)["seconds"])
    if None in whole:
        raise PeerError("sectrain's log has too few lines to tell its rate")
    # Each run of sectrain is compared with the mean of the bare steps before and after.
    ratio = spread([2 * w / (before + after) for w, before, after in zip(whole, bare, bare[1:])])
    return {"recipe": RECIPE, "data": "generated", "settings": SETTINGS,
            "sectrain": statistics.median(whole), "bare_step": statistics.median(bare),
            "ratio": ratio["median"], "quartiles": ratio["quartiles"]}


def whole_recipe(programs, options, data, rounds):
    """Seconds that sectrain takes with the unchanged recipe, from reading files to scores and report."""
    seconds, scores = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            command = [programs / "sectrain", "--config", ROOT / RECIPE, "--data", data, "--out", f"{folder}/run",
                       "--quiet", *options]
            began = time.perf_counter()
            done = subprocess.run([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  text=True, check=False)
            seconds.append(time.perf_counter() - began)
            if done.returncode != 0:
                raise PeerError(f"sectrain ended with status {done.returncode}: {done.stderr.strip()[-300:]}")
            with open(f"{folder}/run/metrics.json", encoding="utf-8") as file:
                scores.append(json.load(file)["evaluations"][0]["macro_f1"])
    found = spread(seconds)
    return {"recipe": RECIPE, "data": str(data), "seconds": found["median"], "quartiles": found["quartiles"],
            "macro_f1": statistics.median(scores)}
