#!/usr/bin/env python3
"""Runs the programs on input files with random damage.

  tests/tools/mutate_inputs.py                        10,000 mutants; the seed is drawn and printed
  tests/tools/mutate_inputs.py --seed 7 --mutants 50  another number, from a given seed
  tests/tools/mutate_inputs.py --seed 7 --only 31 54  these mutants again; their folders are kept
  tests/tools/mutate_inputs.py --bin build/asan/bin --memory 0      programs with sanitizers

A mutant is a valid set of input files (tests/tools/input_kinds.py) of which one file was changed: bits, bytes, numbers,
words, lines, its length, or the file itself (missing, a folder, a pipe, of absurd size, of another kind). Each mutant is
given to one command of sectrain, secinfer, secdata, secmodel or secinspect. Expected are: exit status 0, 1 or 2; if it is not 0, one
line on stderr besides warnings, that begins with the program's name and is clear text, and no output file; with --json,
valid JSON; no temporary files; at most --seconds of computing and --memory GB of address space. Everything else is a
finding. Findings are grouped, and the first mutant of each group is kept. The exit status is 1 if there is any.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import input_kinds
import mutations

ROOT = Path(__file__).resolve().parents[2]
# Words of the C++ library and of sanitizers: a user cannot tell from them what is wrong with a file.
UNCLEAR = re.compile(r"std::|bad_alloc|basic_\w|vector|stoi|stod|map::at|filesystem error|\[json|terminate|what\(\)|"
                     r"runtime error|Sanitizer|Assert|core dumped")


def refuse_constant(name):
    raise ValueError(f"{name} in JSON")


def clear_error(program, text):
    """What is wrong with an error message, or None."""
    lines = [line for line in text.splitlines() if not line.startswith(("warning: ", "secdata: warning: "))]
    if len(lines) != 1:
        return f"{len(lines)} lines of error"
    if not lines[0].startswith(program + ": "):
        return "the error line does not begin with the program's name"
    return None


def problem_of(run, done):
    """What is wrong with the outcome of a run, or None."""
    program, words = run.command[0], run.command[1:]
    if done.returncode < 0:
        return f"signal {-done.returncode}"
    if done.returncode not in (0, 1, 2):
        return f"exit status {done.returncode}"
    try:
        error = done.stderr.decode()
    except UnicodeDecodeError:
        return "stderr is not UTF-8"
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", error):
        return "control characters on stderr"
    if UNCLEAR.search(error):
        return "the error is not clear text"
    if max((len(line) for line in error.splitlines()), default=0) > 2000:
        return "a line of more than 2000 characters on stderr"
    listing = words[0] == "verify"  # lists every problem
    if done.returncode != 0 and not listing:
        wrong = clear_error(program, error)
        if wrong:
            return wrong
        if run.output.exists():
            return "an output file beside an error"
    if done.returncode == 0 and "--json" in words:
        one_value = program == "sectrain" or words[0] in ("info", "convert", "verify", "score")
        try:
            for line in [done.stdout] if one_value else done.stdout.splitlines():
                json.loads(line, parse_constant=refuse_constant)
        except ValueError as wrong:
            return f"not JSON on stdout: {wrong}"
    left = [path.name for path in run.folder.rglob(".*.tmp-*")]
    return f"temporary files: {left}" if left else None


class Run:
    """One mutant: its folder, the changed file, and the command."""

    def __init__(self, options, work, kinds, number):
        draw = random.Random(f"{options.seed} {number}")
        self.number = number
        kind = draw.choices(kinds, [kind.weight for kind in kinds])[0]
        self.kind = kind.name
        self.folder = work / f"mutant{number}"
        shutil.copytree(kind.folder, self.folder)
        self.file = draw.choice(kind.files)
        self.changes = mutations.mutate(self.folder / self.file, draw, [k.folder / f for k in kinds for f in k.files])
        self.output = self.folder / "out"
        template = draw.choice(kind.commands)
        self.command = [word.replace("{d}", str(self.folder)).replace("{w}", str(work)) for word in template]
        for i, word in enumerate(self.command):
            if word.startswith("OUT"):
                self.output = self.folder / ("out" + word[3:])
                self.command[i] = str(self.output)
        self.input = None
        if self.command[-1].startswith("<"):
            self.input = Path(self.command.pop()[1:])

    def execute(self, options):
        """Runs the command. Returns what is wrong, or None, and the text on stderr."""
        def limit():
            resource.setrlimit(resource.RLIMIT_CPU, (options.seconds, options.seconds + 5))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if options.memory > 0:
                resource.setrlimit(resource.RLIMIT_AS, (int(options.memory * 2**30),) * 2)

        source = subprocess.DEVNULL
        if self.input is not None and self.input.is_file():
            source = open(self.input, "rb")  # pylint: disable=consider-using-with
        try:
            done = subprocess.run([str(options.bin / self.command[0]), *self.command[1:]], stdin=source,
                                  capture_output=True, preexec_fn=limit, timeout=options.seconds * 20, check=False)
        except subprocess.TimeoutExpired as late:
            return "no end: it waits for something", (late.stderr or b"").decode(errors="replace")
        finally:
            if source is not subprocess.DEVNULL:
                source.close()
        return problem_of(self, done), done.stderr.decode(errors="replace"), done.returncode

    def text(self):
        words = " ".join(self.command) + (f" <{self.input}" if self.input else "")
        return f"{self.kind}: {self.file}: {'; '.join(self.changes)}\n    {words}"


def run_one(options, work, kinds, number):
    run = Run(options, work, kinds, number)
    problem, error, *status = run.execute(options)
    if problem is None and not options.keep:
        shutil.rmtree(run.folder)
    return run, problem, error, status[0] if status else None


def signature_of(run, problem, error):
    """Findings of one signature have one cause, as far as can be told from outside."""
    last = error.strip().splitlines()[-1] if error.strip() else ""
    return run.command[0], problem, re.sub(r"\d+|/\S+|'[^']*'", "#", last)[:90]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=ROOT / "build/bin", help="folder of the programs")
    parser.add_argument("--seed", type=int, help="the same seed makes the same mutants")
    parser.add_argument("--mutants", type=int, default=10000)
    parser.add_argument("--only", type=int, nargs="+", metavar="NUMBER", help="run these mutants, and keep their folders")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at the same time")
    parser.add_argument("--seconds", type=int, default=30, help="most computing time of a run")
    parser.add_argument("--memory", type=float, default=4, help="most address space of a run in GB; 0: no limit")
    options = parser.parse_args()
    options.bin = options.bin.resolve()
    options.keep = options.only is not None
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {options.seed}", flush=True)

    work = Path(tempfile.mkdtemp(prefix="sec-mutants-"))
    began = time.monotonic()
    kinds = input_kinds.make(options.bin, work)
    # Inputs are valid before they are changed. Few mutants are not worth the trial of every command.
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        tried = [(kind, template) for kind in kinds for template in kind.commands[:None if options.mutants > 999 else 1]]
        for wrong in pool.map(lambda one: problem_of_valid(options, work, *one), tried):
            if wrong:
                sys.exit(f"mutate_inputs: {wrong}")
    made = time.monotonic() - began

    groups = collections.defaultdict(list)
    statuses, by_kind = collections.Counter(), collections.Counter()
    numbers = options.only if options.keep else range(options.mutants)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for run, problem, error, status in pool.map(lambda n: run_one(options, work, kinds, n), numbers):
            statuses[status] += 1
            by_kind[run.kind] += 1
            if options.keep:
                print(run.text(), f"\n    exit status {status}: {error.strip()}")
            if problem is not None:
                group = groups[signature_of(run, problem, error)]
                group.append(run.number)
                if len(group) == 1:
                    print(f"mutant {run.number}: {problem}: {run.text()}\n    {error.strip()[-400:]}", flush=True)
                else:
                    shutil.rmtree(run.folder, ignore_errors=True)
    print("inputs: " + ", ".join(f"{kind} {count}" for kind, count in sorted(by_kind.items())))
    print("exit status: " + ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items(), key=str)))
    for (program, problem, text), group in groups.items():
        print(f"{len(group):6} x {program}: {problem}: {text}: mutants {' '.join(map(str, group))}")
    total = sum(map(len, groups.values()))
    print(f"{len(numbers)} mutants in {time.monotonic() - began:.0f} s (inputs {made:.0f} s): {total} findings in "
          f"{len(groups)} groups")
    if groups or options.keep:
        print(f"kept: {work}")
    else:
        shutil.rmtree(work)
    return 1 if groups else 0


def problem_of_valid(options, work, kind, template):
    """Runs a command on unchanged inputs. It must succeed, or mutants would test nothing behind the first error."""
    folder = Path(tempfile.mkdtemp(dir=work)) / "valid"
    shutil.copytree(kind.folder, folder)
    words = [word.replace("{d}", str(folder)).replace("{w}", str(work)) for word in template]
    words = [str(folder / ("out" + word[3:])) if word.startswith("OUT") else word for word in words]
    source = open(words.pop()[1:], "rb") if words[-1].startswith("<") else subprocess.DEVNULL
    done = subprocess.run([str(options.bin / words[0]), *words[1:]], stdin=source, capture_output=True, check=False)
    shutil.rmtree(folder)
    if done.returncode != 0:
        return f"{kind.name}: the valid input fails: {' '.join(words)}\n{done.stderr.decode()}"
    return None


if __name__ == "__main__":
    sys.exit(main())
