"""Reads the results of the programs that tools/gpu_check runs."""
import csv
import io
import json
import re

# The run on cpu sums its convolutions directly, as the CUDA kernels do (SEC_CPU_FILTER=direct; minimal filtering rounds
# more, see docs/speed.md). Losses of the first step then differ only by the order of f32 sums: by some 1e-7 per layer,
# and by about 1e-6 after a hundred layers (TOLERANCES in bench/report/comparison.py). 1e-5 leaves a factor of ten.
# TF32 keeps 10 bits of a mantissa and bf16 7: for them the tolerances of bench/report/comparison.py apply.
FIRST_STEP_TOLERANCE = {"f32": 1e-5, "tf32": 1e-2, "bf16": 5e-2}
# Every training step multiplies the difference. In f32 it must stay below 2 % during the first COMPARED_STEPS steps.
STEPS_TOLERANCE = 0.02
COMPARED_STEPS = 20


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"


def gtest_outcome(report):
    """Counts of passed and skipped tests, and names of failed ones, from GoogleTest's JSON report."""
    tests = [test for suite in report["testsuites"] for test in suite["testsuite"]]
    failed = [f"{t['classname']}.{t['name']}" for t in tests if t.get("failures")]
    skipped = sum(t.get("result") == "SKIPPED" for t in tests)
    return {"passed": len(tests) - len(failed) - skipped, "failed": failed, "skipped": skipped}


def unfinished_test(output):
    """The test that GoogleTest had begun when its program ended; empty if there is none."""
    begun = re.findall(r"^\[ RUN      \] (\S+)", output, re.M)
    ended = re.findall(r"^\[ *(?:OK|FAILED|SKIPPED) *\] (\S+?),? ", output, re.M)
    return begun[-1] if begun and begun[-1] not in ended else ""


def sanitizer_errors(text):
    """The number of errors reported by compute-sanitizer; None if there is no summary."""
    counts = [int(n) for n in re.findall(r"ERROR SUMMARY: (\d+) error", text)]
    for errors, warnings in re.findall(r"RACECHECK SUMMARY: \d+ hazards? displayed \((\d+) errors?, (\d+) warnings?\)",
                                       text):
        counts.append(int(errors) + int(warnings))
    return sum(counts) if counts else None


def losses(log):
    """The loss of each step in a run's log.jsonl."""
    lines = [json.loads(line) for line in log.splitlines() if line.strip()]
    return {line["step"]: line["loss"] for line in lines if line.get("event") == "step"}


def compare_losses(ours, reference, precision="f32"):
    """Whether the losses of two runs agree within the tolerances above, and the step where they differ most."""
    steps = sorted(set(ours) & set(reference))[:COMPARED_STEPS]
    if not steps:
        return {"agree": False, "steps": 0, "why": "the runs have no step in common"}
    difference = {s: abs(ours[s] - reference[s]) / max(abs(reference[s]), 1e-12) for s in steps}
    worst = max(steps, key=lambda s: difference[s])
    agree = difference[steps[0]] <= FIRST_STEP_TOLERANCE[precision]
    if precision == "f32":
        agree = agree and difference[worst] <= STEPS_TOLERANCE
    return {"agree": bool(agree), "steps": len(steps), "first": difference[steps[0]], "worst": difference[worst],
            "worst_step": worst}


def bench_rows(report):
    """Rows of (operation, arithmetic, {who: microseconds}, {who: GFLOP/s}) from Google Benchmark's JSON."""
    rows = {}
    for run in report["benchmarks"]:
        if run.get("run_type") == "aggregate" or run.get("error_occurred"):
            continue
        parts = run["name"].removesuffix("/manual_time").split("/")
        key = ("/".join(parts[:-2]), parts[-2])
        microseconds, rates = rows.setdefault(key, ({}, {}))
        microseconds[parts[-1]] = run["real_time"]
        if "GFLOP/s" in run:
            rates[parts[-1]] = run["GFLOP/s"]
    return [(operation, arithmetic, us, rates) for (operation, arithmetic), (us, rates) in rows.items()]


def bench_errors(report):
    """The names of the rows that could not be run: (those of libraries, our own)."""
    broken = [run["name"] for run in report["benchmarks"] if run.get("error_occurred")]
    theirs = [name for name in broken if re.search(r"/(cudnn|cudnn_fused_f16|cublas)(/|$)", name)]
    return theirs, [name for name in broken if name not in theirs]


def bench_table(rows):
    """A table of microseconds per implementation, and of how much faster ours is than the library."""
    columns = ["v1", "v2", "v3", "v4", "ours", "library", "fused"]
    width = max([len(row[0]) for row in rows] + [9])
    lines = [f"{'operation':<{width}} {'':<5}" + "".join(f"{c:>10}" for c in columns) + "   library / ours"]
    for operation, arithmetic, us, _ in rows:
        times = {**us, "library": us.get("cudnn", us.get("cublas")), "fused": us.get("cudnn_fused_f16")}
        cells = "".join(f"{times[c]:>10.1f}" if times.get(c) is not None else f"{'-':>10}" for c in columns)
        ratio = f"{times['library'] / us['ours']:>17.2f}" if times["library"] is not None and "ours" in us else ""
        lines.append(f"{operation:<{width}} {arithmetic:<5}{cells}{ratio}")
    return "\n".join(lines) + "\n"


def step_answers(commands, output):
    """Pairs of (command, answer) from the output of bench_steps, which first describes itself and then answers each
    command with one line of JSON. If it ended early, the commands without an answer are left out."""
    answers = [json.loads(line) for line in output.splitlines() if line.startswith("{") and line.endswith("}")]
    return list(zip(["about", *commands], answers))


def kernel_name(demangled):
    """A kernel's name with its template arguments, without namespaces, casts and parameters."""
    text = demangled.replace("(anonymous namespace)", "").removeprefix("void ")
    text = re.sub(r"\((?:bool|int|unsigned int|long|unsigned long)\)", "", text)
    return re.sub(r"(?:\w*::)+", "", text.partition("(")[0])


def kernel_times(text):
    """(kernel, grid, launches, microseconds) from ncu's raw CSV page with gpu__time_duration.sum, largest first."""
    lines = [line for line in text.splitlines() if line.startswith('"')]
    sums = {}
    scale = 1e-3  # of nanoseconds, unless the row of units says otherwise
    for row in csv.DictReader(lines):
        value = row["gpu__time_duration.sum"].replace(",", "")
        if not row["Kernel Name"]:  # the row of units
            scale = {"ns": 1e-3, "nsecond": 1e-3, "us": 1.0, "usecond": 1.0, "ms": 1e3, "msecond": 1e3}.get(value, 1e-3)
            continue
        entry = sums.setdefault((kernel_name(row["Kernel Name"]), row["Grid Size"]), [0, 0.0])
        entry[0] += 1
        entry[1] += scale * float(value)
    rows = [(kernel, grid, count, us) for (kernel, grid), (count, us) in sums.items()]
    return sorted(rows, key=lambda row: -row[3])


def gpu_of(text):
    """Name, driver and memory of the first GPU, from nvidia-smi's CSV output."""
    row = next(csv.reader(io.StringIO(text), skipinitialspace=True), [])
    return dict(zip(["name", "driver", "memory", "compute_capability"], row))
