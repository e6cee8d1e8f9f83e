#!/usr/bin/env python3
"""The pages of secinspect about trainings, in a real browser: secinspect compare, and --watch while a run trains.

  runs_page_test.py --bin BUILD/bin [--screenshots FOLDER] [--only NAME]

Without a browser the test says so in one line and exits with 77, which CTest counts as skipped.
"""

import argparse
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import browser
from inspect_page_test import FAULTS, SKIPPED, WATCH_CANVAS, WIDTHS, require

# V beats are easy to tell from N beats by their shape.
RECIPE = """
title = "compared"
classes = ["N", "V"]
[data]
train = ["101", "106", "109", "119", "201", "203", "208", "215"]
validation = ["205"]
test = ["100", "103", "105", "111", "113", "117", "200", "210", "213", "221", "231", "234"]
leads = ["MLII", "other"]
[input]
channels = ["lead1", "rhythm"]
covariates = ["rhythm"]
[network]
width = 4
[sampler]
kind = "weighted"
epoch_samples = 768
[train]
epochs = 3
batch = 32
rate = 5e-3
log_steps = 4
"""
READY = "document.documentElement.dataset.painted === 'yes'"


class RunsTest:
    def __init__(self, page, programs, folder, pictures):
        self.page, self.programs, self.folder, self.pictures = page, programs, folder, pictures
        records = json.loads("[" + RECIPE.split("train = [")[1].split("]")[0] + "]") + ["205"] + \
            json.loads("[" + RECIPE.split("test = [")[1].split("]")[0] + "]")
        self.call("secdata", "synth", folder / "db", "--minutes", 2, "--quiet", "--records", ",".join(records))

    def call(self, program, *arguments, status=0):
        done = subprocess.run([self.programs / program, *map(str, arguments)], capture_output=True, text=True, check=False)
        require(done.returncode == status, f"{program} {' '.join(map(str, arguments))}: {done.returncode} {done.stderr}")
        return done.stdout

    def training(self, name, *more):
        (self.folder / "recipe.toml").write_text(RECIPE)
        return ["--config", self.folder / "recipe.toml", "--data", self.folder / "db", "--out", self.folder / name, "--threads", 1,
                "--quiet", *more]

    def open(self, address, width=1280, height=900):
        self.page.size(width, height)
        self.page.call("Page.navigate", url="about:blank")
        self.page.open(address, READY)
        self.page.settle()

    def run(self, script):
        value = self.page.run(script)
        self.page.settle()
        return value

    def quiet(self, what, allowed=()):
        require(not self.page.errors(), f"{what}: {self.page.errors()}")
        others = [one for one in self.page.requests() if not one.startswith(tuple(allowed))] if allowed else self.page.requests()
        require(not others, f"{what}: the page requests {others}")

    def picture(self, name):
        if self.pictures:
            self.page.screenshot(self.pictures / f"{name}.png", whole=True)

    def layout(self, address, name, allowed=()):
        """No text overlaps, nothing is cut off, at several widths, light and dark, and printed."""
        for width, scheme in itertools.product(WIDTHS, ("light", "dark")):
            self.page.media(scheme)
            self.open(address, width)
            faults = self.run(FAULTS)
            require(not faults, f"{name}, {width} px, {scheme}: {faults[:8]}")
            self.quiet(f"{name}, {width} px, {scheme}", allowed)
            self.picture(f"{name}_{width}_{scheme}")
        self.page.media("dark", "print")
        self.open(address, 760)
        faults = self.run(FAULTS)
        require(not faults, f"{name}, printed: {faults[:8]}")
        require(self.run("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)", "a printed page is white")
        self.picture(f"{name}_print")
        self.page.media("light")
        self.open(address)
        require(self.page.pdf().startswith(b"%PDF"), "the page cannot be printed")

    def tables(self, name):
        self.run("document.querySelectorAll('details.numbers').forEach((one) => { one.open = true; })")
        self.page.run("new Promise(done => setTimeout(done, 100))")
        empty = self.run("[...document.querySelectorAll('details.numbers')].filter((one) => !one.hidden && !one.querySelector('tbody tr td')).map((one) => one.closest('figure').querySelector('figcaption').textContent)")
        require(not empty, f"{name}: empty tables of {empty}")
        broken = self.run("(document.body.innerText.match(/undefined|NaN|\\[object|Infinity/g) ?? [])")
        require(not broken, f"{name}: the page shows {broken[:3]}")

    def test_compare(self):
        """Two seeds and a recipe that learns too slowly: the page shows what the program prints."""
        for name, more in (("one", ("--seed", 1)), ("slow", ("--set", "train.rate=1e-6")), ("two", ("--seed", 2))):
            self.call("sectrain", *self.training(name, *more))
        runs = [self.folder / name for name in ("one", "slow", "two")]
        found = json.loads(self.call("secinspect", "compare", *runs, "--json", "--out", self.folder / "compare.html"))
        seeds = json.loads(self.call("secinspect", "compare", runs[0], runs[2], "--json"))["comparison"]["pairs"][0]
        require(seeds["same_recipe"] and seeds["scores"][0]["within_chance"], f"two seeds differ by more than chance: {seeds}")
        alone = json.loads(self.call("secinspect", "compare", runs[0], runs[1], "--json"))["comparison"]["pairs"][0]["scores"][0]
        require(not alone["within_chance"], f"two recipes differ by chance: {alone}")
        pair, = found["comparison"]["pairs"]
        require(pair["first"] == [0, 2] and pair["second"] == [1], f"the recipes are {pair}")
        slow = pair["scores"][0]
        require(not slow["within_chance"] and slow["difference"] < 0, f"a recipe that does not learn differs by chance: {slow}")
        require([one["key"] for one in found["recipe"]] == ["seed", "train.rate"], f"the recipes differ in {found['recipe']}")
        address = (self.folder / "compare.html").as_uri()
        self.layout(address, "compare")
        verdicts = self.run("[...document.querySelectorAll('.verdicts')].map((one) => one.dataset.verdict)")
        expected = ["within chance" if one["scores"][0]["within_chance"] else "beyond chance" for one in found["comparison"]["pairs"]]
        require(verdicts == expected, f"the page says {verdicts}, the program {expected}")
        # What charts draw is what the logs say.
        for i, run in enumerate(runs):
            lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
            losses = [line["train_loss"] for line in lines if line["event"] == "epoch"]
            drawn = self.run(f"charts.find((one) => one.figure.querySelector('figcaption').textContent === 'Loss by epoch').chart.data.datasets[{2 * i}].data.map((one) => one.y)")
            require(drawn == losses, f"{run.name}: the chart shows {drawn}, the log has {losses}")
        pixels = self.run("charts.map((one) => { const c = one.chart.canvas; return c.clientWidth ? new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size : 99; })")
        require(min(pixels) > 2, f"an empty chart: {pixels}")
        self.tables("compare")
        self.quiet("compare")

    def wait(self, what, script, seconds=120):
        end = time.monotonic() + seconds
        while not self.page.run(script):
            require(time.monotonic() < end, f"{what}: waited {seconds} s; the page shows {self.page.run('document.body.innerText.slice(0, 300)')!r}")
            time.sleep(0.1)

    def test_watch(self):
        """The page follows a training, its death by a kill, and the training that goes on, up to the scores."""
        program = [self.programs / "sectrain", *map(str, self.training("live", "--set", "train.epochs=4", "--set", "train.checkpoint_steps=2"))]
        child = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run = self.folder / "live"
        while not (run / "recipe.toml").exists():
            require(child.poll() is None, "sectrain ended at once")
            time.sleep(0.05)
        server = subprocess.Popen([self.programs / "secinspect", "--watch", run], stdout=subprocess.PIPE, text=True)
        try:
            address = server.stdout.readline().strip()
            self.page.media("light")
            self.open(address)
            state = "document.getElementById('state').dataset"
            self.wait("training", f"{state}.state === 'training'")
            self.wait("an epoch", f"+{state}.epochs >= 1")
            child.kill()
            child.wait()
            self.wait("a kill", f"{state}.state === 'stopped'")
            child = subprocess.Popen([*program, "--resume"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.wait("a resumed run", f"{state}.state === 'training'")
            self.wait("the end", f"{state}.state === 'finished' && document.querySelector('#scores') !== null", 300)
            require(child.wait() == 0, "the resumed training failed")
            lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
            for title, event, key, index in (("Loss by epoch", "epoch", "train_loss", 0), ("Loss by step", "step", "loss", 0),
                                             ("Time that the training waits for batches", "state", "loader_wait", 0)):
                drawn = self.run(f"charts.find((one) => one.figure.querySelector('figcaption').textContent === '{title}').chart.data.datasets[{index}].data.map((one) => one.y)")
                require(drawn == [line[key] for line in lines if line["event"] == event] and drawn, f"{title}: the chart shows {drawn}")
            states = [line for line in lines if line["event"] == "state"]
            require(all(len(one["gradient_norms"]) > 20 and 0 < one["gates"]["lowest"] <= one["gates"]["mean"] <= one["gates"]["highest"] < 1 for one in states), f"the states are {states[:1]}")
            self.tables("watch")
            self.quiet("watch", [address])
            self.layout(address, "watch", [address])
            for host in ("127.0.0.1", "localhost"):
                self.open(address.replace("127.0.0.1", host))
                self.quiet(f"watch at {host}", [address.replace("127.0.0.1", host)])
            server.terminate()
            require(server.wait(20) == 0, "the server failed")
            self.page.events.clear()
            self.wait("a server that is gone", f"{state}.state === 'lost'")
        finally:
            for one in (child, server):
                if one.poll() is None:
                    one.kill()
                    one.wait()
        frozen = self.folder / "frozen.html"
        self.call("secinspect", "--watch", run, "--out", frozen)
        self.open(frozen.as_uri())
        require(self.run("document.getElementById('state').dataset.state") == "finished", "the frozen page knows no end")
        self.tables("frozen")
        self.quiet("frozen")

    def all(self, only):
        for name in [name[5:] for name in dir(self) if name.startswith("test_")]:
            if only in (None, name):
                getattr(self, "test_" + name)()
                print(f"runs_page_test: {name} passed", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--screenshots", type=pathlib.Path)
    parser.add_argument("--only")
    options = parser.parse_args()
    program = browser.find()
    if program is None:
        print("runs_page_test: skipped, there is no Chromium here (tools/setup browser)")
        sys.exit(SKIPPED)
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)
    with browser.Browser(program) as page, tempfile.TemporaryDirectory() as folder:
        page.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH_CANVAS)
        RunsTest(page, options.bin.resolve(), pathlib.Path(folder), options.screenshots).all(options.only)


if __name__ == "__main__":
    main()
