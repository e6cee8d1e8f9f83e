#!/usr/bin/env python3
"""Kills the programs (SIGKILL) at random moments while they train, resume, convert and report.

  tests/tools/kill_programs.py                       200 kills; the seed is drawn and printed
  tests/tools/kill_programs.py --seed 7 --kills 50   another number, from a given seed
  tests/tools/kill_programs.py --only convert        one kind of work: train, convert or models

After every kill it checks that nothing is lost and nothing is mixed: a file is the old one, the new one or absent, never a
part of one; files that belong together are all old or all new, or have no head by which a reader would find them; a
training that goes on ends with the same bits as one that was never killed; and the next run leaves no temporary files.

Half of the moments are drawn from the time that an unkilled run takes. The other half are drawn from its changes of files
(writes, renames and removals, counted by kill_at), where a program cannot be killed twice at the same place by chance.
Training and reporting use a small network and synthetic recordings. The exit status is 1 if a check fails; the folder of
the failed case is then kept and named.
"""
import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN_FILES = {"recipe.toml", "log.jsonl", "metrics.json", "report.html", "predictions.csv", "best.safetensors",
             "last.safetensors", "events.out.tfevents.sec"}
KEPT = {"beats": {"epoch_0002.safetensors", "epoch_0004.safetensors"}}  # by the name of a training
VARYING = {"created", "seconds", "samples_per_second", "loader_wait"}  # differ between two runs of the same training

BEATS = """
title = "beats"
classes = ["N", "V"]
[data]
train = ["101", "106", "119", "208"]
validation = ["205"]
test = ["100"]
[network]
width = 4
[sampler]
kind = "weighted"
epoch_samples = 48
[train]
epochs = 4
batch = 16
average_decay = 0.9
keep_epochs = 2
checkpoint_steps = 2
log_steps = 1
"""

RECORDINGS = """
title = "recordings"
classes = ["even", "third"]
[data]
task = "recordings"
source = "table"
label_file = "labels.csv"
protocol = "strat_folds"
leads = ["MLII", "V1"]
length = 64
seconds = 5
[network]
width = 4
[loss]
kind = "bce"
[decision]
thresholds = "validation"
[train]
epochs = 3
batch = 8
checkpoint_steps = 1
log_steps = 1
"""


class Fault(Exception):
    """A file was lost, mixed or left behind."""


def require(true, text):
    if not true:
        raise Fault(text)


def without_times(value):
    """JSON without the values that differ between two equal trainings."""
    if isinstance(value, dict):
        return {key: without_times(v) for key, v in value.items() if key not in VARYING}
    if isinstance(value, list):
        return [without_times(v) for v in value]
    return value


def events_of(content):
    """The events of a file for TensorBoard, which holds their lengths."""
    at = 0
    while at < len(content):
        length = int.from_bytes(content[at:at + 8], "little")
        require(at + 16 + length <= len(content), "an event is cut off")
        yield content[at + 12:at + 12 + length]
        at += 16 + length


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


class Programs:
    """Runs the programs, and kills them."""

    def __init__(self, folder, draw):
        self.folder = folder
        self.draw = draw
        self.kills = 0
        self.by_call = 0
        self.traceable = True
        self.cost = {}  # kind of command: (seconds, changes of files) of an unkilled run

    def path(self, name):
        return str(self.folder / name)

    def run(self, program, *arguments, status=0):
        done = subprocess.run([self.path(program), *arguments], capture_output=True, check=False)
        error = done.stderr.decode(errors="replace")
        require(status is None or done.returncode == status,
                f"{program} {' '.join(arguments)}: exit status {done.returncode}, expected {status}: {error}")
        return done.returncode, error

    def measure(self, kind, program, *arguments):
        """Runs a command to its end, and keeps what later kills of its kind draw their moments from."""
        began = time.monotonic()
        self.run(program, *arguments)
        seconds = time.monotonic() - began
        self.cost[kind] = [seconds, None]

    def count_changes(self, kind, program, *arguments):
        """Runs a command again under kill_at and counts its changes of files."""
        words = self._at_call(0, program, arguments).split()
        require(words and words[0] in ("ended", "untraceable"), f"kill_at says {words}")
        self.traceable = words[0] == "ended"
        if self.traceable:
            self.cost[kind][1] = int(words[2])

    def _at_call(self, number, program, arguments):
        done = subprocess.run([self.path("kill_at"), str(number), self.path(program), *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        return done.stdout.decode()

    def kill(self, kind, program, *arguments):
        """Runs a command and kills it at a random moment. Returns whether the kill came before the end."""
        seconds, changes = self.cost[kind]
        if changes and self.traceable and self.draw.random() < 0.5:
            killed = self._at_call(self.draw.randint(1, changes), program, arguments) == "killed"
            self.by_call += killed
        else:
            moment = self.draw.uniform(0, seconds)
            with subprocess.Popen([self.path(program), *arguments], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as child:
                try:
                    child.wait(moment)
                except subprocess.TimeoutExpired:
                    child.send_signal(signal.SIGKILL)
                killed = child.wait() == -signal.SIGKILL
        self.kills += killed
        return killed


class Training:
    """A training that is killed, resumed, killed again, and at last runs to its end."""

    def __init__(self, programs, work, name, recipe, data):
        self.programs, self.work, self.name = programs, work, name
        self.recipe = work / f"{name}.toml"
        self.recipe.write_text(recipe)
        self.data = data
        self.whole = self.reference("whole", "1")
        self.other = self.reference("other", "2")
        programs.count_changes(name, "sectrain", *self.arguments(work / f"{name}-counted", "1"))
        finished = work / f"{name}-finished"
        shutil.copytree(self.whole, finished)
        programs.measure(f"{name} report", "sectrain", *self.arguments(finished, "1", "--resume"))
        programs.count_changes(f"{name} report", "sectrain", *self.arguments(finished, "1", "--resume"))
        self.check_end(finished)

    def arguments(self, run, seed, *more):
        return ["--config", str(self.recipe), "--data", str(self.data), "--out", str(run), "--seed", seed, "--quiet",
                "--device", "cpu", "--threads", "1", "--tensorboard", *more]

    def reference(self, name, seed):
        run = self.work / f"{self.name}-{name}"
        self.programs.measure(self.name, "sectrain", *self.arguments(run, seed))
        return run

    def check_end(self, run):
        """The files of a finished run equal those of one that was never killed."""
        names = set(os.listdir(run))
        expected = RUN_FILES | KEPT.get(self.name, set())
        require(names == expected, f"{run}: holds {sorted(names ^ expected)} too much or too little")
        for name in ("best.safetensors", "last.safetensors", "recipe.toml", *KEPT.get(self.name, set())):
            require((run / name).read_bytes() == (self.whole / name).read_bytes(),
                    f"{run / name}: other bits than in a run that was not killed")
        metrics = [without_times(json.loads((folder / "metrics.json").read_text())) for folder in (run, self.whole)]
        require(metrics[0] == metrics[1], f"{run}/metrics.json: other results than in a run that was not killed")
        logs = [[without_times(json.loads(line)) for line in (folder / "log.jsonl").read_text().splitlines()]
                for folder in (run, self.whole)]
        require(logs[0] == logs[1], f"{run}/log.jsonl: other lines than in a run that was not killed")
        events = list(events_of((run / "events.out.tfevents.sec").read_bytes()))
        require(len(events) == 1 + len(logs[0]), f"{run}: {len(events)} events for {len(logs[0])} lines of the log")
        require((run / "report.html").read_text().rstrip().endswith("</html>"), f"{run}/report.html: is cut off")

    def check_files(self, run):
        """What a killed run left can be read."""
        if (run / "metrics.json").exists():
            json.loads((run / "metrics.json").read_text())
        if (run / "report.html").exists():
            require((run / "report.html").read_text().rstrip().endswith("</html>"), f"{run}/report.html: is cut off")
        for name in ("best.safetensors", "last.safetensors", *KEPT.get(self.name, set())):
            if (run / name).exists():
                content = (run / name).read_bytes()
                header = int.from_bytes(content[:8], "little")
                ends = [entry["data_offsets"][1] for key, entry in json.loads(content[8:8 + header]).items()
                        if key != "__metadata__"]
                require(len(content) == 8 + header + max(ends), f"{run / name}: is cut off")

    def go_on(self, run, kill):
        """Resumes the run, or begins anew where there is none to resume. Returns whether it was killed."""
        begun = run.exists() and any(not name.startswith(".") for name in os.listdir(run))
        more = ["--resume"] if begun else []
        if begun and not (run / "last.safetensors").exists() and (
                (run / "best.safetensors").exists() or not (run / "recipe.toml").exists()):
            more = ["--overwrite"]  # the files of an older run were being removed
        if kill:
            return self.programs.kill(self.name, "sectrain", *self.arguments(run, "1", *more))
        self.programs.run("sectrain", *self.arguments(run, "1", *more))
        return False

    def kill_fresh(self, case):
        run = case / "run"
        while self.go_on(run, kill=True):
            self.check_files(run)
            if self.programs.draw.random() < 0.4:
                break
        if set(os.listdir(run) if run.exists() else []) != RUN_FILES:
            self.go_on(run, kill=False)
        else:
            self.programs.run("sectrain", *self.arguments(run, "1", "--resume"))
        self.check_end(run)

    def kill_overwriting(self, case):
        """A run that replaces one of another seed: the files of the two never meet."""
        run = case / "run"
        shutil.copytree(self.other, run)
        before = contents(run)
        if not self.programs.kill(self.name, "sectrain", *self.arguments(run, "1", "--overwrite")):
            self.check_end(run)
            return
        self.check_files(run)
        status, error = self.programs.run("sectrain", *self.arguments(run, "1", "--resume"), status=None)
        if status != 0:
            after = {name: content for name, content in contents(run).items() if name in RUN_FILES}
            require(after == before or "no run to resume" in error,
                    f"{run}: neither the old run nor one that can be resumed: {error}")
            self.programs.run("sectrain", *self.arguments(run, "1", "--overwrite"))
        self.check_end(run)

    def kill_reporting(self, case):
        """A finished run writes its results again: its weights stay, its results are whole."""
        run = case / "run"
        shutil.copytree(self.whole, run)
        arguments = self.arguments(run, "1", "--resume")
        self.programs.kill(f"{self.name} report", "sectrain", *arguments)
        self.check_files(run)
        metrics = [without_times(json.loads((folder / "metrics.json").read_text())) for folder in (run, self.whole)]
        require(metrics[0] == metrics[1], f"{run}/metrics.json: changed by a kill")
        self.programs.run("sectrain", *arguments)
        self.check_end(run)


class Writing:
    """A command that replaces files. `head` is the file by which readers find the others."""

    def __init__(self, programs, work, name, head, command):
        # command(folder, new) returns program and arguments that write the old or the new files into the folder.
        self.programs, self.name, self.head, self.command = programs, name, head, command
        self.files = {}
        for new in (False, True):
            folder = work / name / str(new)
            folder.mkdir(parents=True)
            programs.run(*command(folder, new))
            self.files[new] = contents(folder)
            if new:
                programs.measure(name, *command(folder, new))
                programs.count_changes(name, *command(folder, new))
                require(contents(folder) == self.files[new], f"{name}: a second run writes other bits")
        require(self.files[False] != self.files[True], f"{name}: old and new files are equal")

    def kill(self, case):
        replaced = self.programs.draw.random() < 0.7
        old = self.files[False] if replaced else {}
        new = self.files[True]
        for name, content in old.items():
            (case / name).write_bytes(content)
        killed = self.programs.kill(self.name, *self.command(case, True))
        found = {name: content for name, content in contents(case).items() if not name.startswith(".")}
        require(self.head not in found or found in (old, new), f"{case}: mixes old and new files")
        require(killed or found == new, f"{case}: the command ended without its files")
        for name, content in found.items():
            require(content in (old.get(name), new.get(name)), f"{case / name}: neither old nor new")
        self.programs.run(*self.command(case, True))
        require(contents(case) == new,
                f"{case}: after the next run holds {sorted(contents(case))}, or other bits than without a kill")


def make_cases(programs, work, only):
    """The kinds of work: name, weight, function that does it once in an empty folder."""
    programs.run("secdata", "synth", str(work / "db"), "--minutes", "0.5", "--quiet", "--records", "100,101,106,119,205,208")
    cases = []

    def wanted(name):
        return only is None or name in only

    def add_training(name, recipe, data):
        training = Training(programs, work, name, recipe, data)
        for kind, weight, do in (("fresh", 4, training.kill_fresh), ("overwrite", 3, training.kill_overwriting),
                                 ("report", 3, training.kill_reporting)):
            cases.append((f"{name} {kind}", weight, do))

    if wanted("train"):
        add_training("beats", BEATS, work / "db")
        folder = work / "table"
        programs.run("secdata", "synth", str(folder), "--count", "20", "--minutes", "0.1", "--rate", "100", "--leads",
                     "3", "--quiet")
        rows = [f"s{i:05},{'|'.join(['even'] * (i % 2 == 0) + ['third'] * (i % 3 == 0))},P{i},{i % 10 + 1}"
                for i in range(1, 21)]
        (folder / "labels.csv").write_text("file,labels,patient,fold\n" + "\n".join(rows) + "\n")
        add_training("recordings", RECORDINGS, folder)

    if wanted("convert"):
        records = {False: str(work / "db/100"), True: str(work / "db/208")}

        def convert(target, *more):
            return lambda folder, new: ("secdata", "convert", "--quiet", "--overwrite", records[new],
                                        str(folder / target), *more)

        for name, target, head, more in (("16", "t", "t.hea", []), ("24", "t", "t.hea", ["--format", "24"]),
                                         ("212", "t", "t.hea", ["--format", "212"]), ("edf", "t.edf", "t.edf", []),
                                         ("csv", "t.csv", "t.csv", []), ("tsv", "t.tsv", "t.tsv", []),
                                         ("npy", "t.npy", "t.npy", []), ("digital", "t.npy", "t.npy", ["--digital"])):
            writing = Writing(programs, work, f"convert-{name}", head, convert(target, *more))
            cases.append((f"convert to {name}", 1.2, writing.kill))

    if wanted("models"):
        recipe = work / "model.toml"
        recipe.write_text(BEATS.replace("epochs = 4", "epochs = 1"))
        model = {False: str(work / "model1"), True: str(work / "model2")}
        for seed, folder in (("1", model[False]), ("2", model[True])):
            programs.run("sectrain", "--config", str(recipe), "--data", str(work / "db"), "--out", folder, "--seed", seed,
                         "--quiet", "--threads", "1")

        def annotate(form):
            # The old file holds the beats as annotated, the new one those that are found.
            return lambda folder, new: ("secinfer", "--quiet", "--overwrite", "--threads", "1", "--model", model[True],
                                        "--out", str(folder), "--format", form,
                                        *([] if new else ["--annotations", "atr"]), str(work / "db/100"))

        for form, head in (("wfdb", "100.sec"), ("edf", "100.sec.edf")):
            writing = Writing(programs, work, f"annotate-{form}", head, annotate(form))
            cases.append((f"secinfer to {form}", 1, writing.kill))

        def report(folder, new):
            tables = [part for name in ("rr", "nn") for part in (f"--{name}", str(folder / f"{name}.csv"))]
            return ("secinfer", "--quiet", "--overwrite", "--threads", "1", "--model", model[new], "--report",
                    str(folder / "report.html"), *tables, str(work / "db/100"))

        cases.append(("secinfer --report", 1, Writing(programs, work, "holter", "report.html", report).kill))

        def model_file(command):
            return lambda folder, new: ("secmodel", command, model[new] + "/best.safetensors", "--out",
                                        str(folder / "model"))

        for command in ("import", "export", "onnx"):
            writing = Writing(programs, work, f"model-{command}", "model", model_file(command))
            cases.append((f"secmodel {command}", 1, writing.kill))
    return cases


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=ROOT / "build/bin", help="folder of the programs")
    parser.add_argument("--seed", type=int, help="the same seed draws the same moments")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--only", choices=["train", "convert", "models"], help="one kind of work")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)

    work = Path(tempfile.mkdtemp(prefix="sec-kills-"))
    programs = Programs(options.bin.resolve(), random.Random(seed))
    began = time.monotonic()
    try:
        cases = make_cases(programs, work, options.only)
    except Fault as fault:
        print(f"kill_programs: without a kill: {fault}\nkept: {work}", file=sys.stderr)
        return 1
    counts = {name: 0 for name, _, _ in cases}
    number = 0
    while programs.kills < options.kills:
        # The first round does every kind of work once. Later rounds draw, by weight.
        if number < len(cases) and options.kills >= len(cases):
            name, _, do = cases[number]
        else:
            name, _, do = programs.draw.choices(cases, [weight for _, weight, _ in cases])[0]
        number += 1
        case = work / f"case{number}"
        case.mkdir()
        before = programs.kills
        try:
            do(case)
        except (Fault, OSError, ValueError) as fault:
            print(f"kill_programs: seed {seed}, kill {programs.kills}, {name}: {fault}\nkept: {work}", file=sys.stderr)
            return 1
        counts[name] += programs.kills - before
        shutil.rmtree(case)
    shutil.rmtree(work)
    for name, count in counts.items():
        print(f"{count:6} {name}")
    print(f"{programs.kills} kills in {time.monotonic() - began:.0f} s, {programs.by_call} of them at a chosen change of a "
          f"file{'' if programs.traceable else ' (programs cannot be traced here)'}: nothing lost, nothing mixed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
