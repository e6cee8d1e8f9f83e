"""Reads rows of bench_kernels from Google Benchmark's JSON: rates of each, and ratios of libraries to ours.
rows.h documents how rows are named, on cpu and on cuda."""

import statistics

from comparison import spread

# Ours are compared with these: libraries, and for fused operations our unfused ones ("separate").
LIBRARIES = ("dnnl", "cudnn", "cudnn_fused_f16", "cublas", "separate")
FOREIGN = ("dnnl", "cudnn", "cudnn_fused_f16", "cublas")  # the libraries among them that are not ours
DIFFERENT = "the results differ"  # begins the error of a row whose results are not those of a library (kernels.cpp)


def parse_name(name):
    """The parts of a row's name, operation/shape/pass/type/who[/tN]; None if the name has another form."""
    parts = [p for p in name.split("/") if p not in ("real_time", "manual_time", "process_time")]
    threads = None
    if len(parts) == 6 and parts[5][:1] == "t" and parts[5][1:].isdigit():
        threads = int(parts.pop()[1:])
    if len(parts) != 5:
        return None
    return dict(zip(("operation", "shape", "pass", "type", "who"), parts), threads=threads)


SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


def read_rows(report):
    """One row per name: medians over its repetitions, and the seconds of each. A failed row has its error."""
    runs = {}
    for run in report["benchmarks"]:
        if run.get("run_type") != "aggregate":
            runs.setdefault(run.get("run_name", run["name"]), []).append(run)
    rows = []
    # Rows are in the order of registration, not in the random order in which they ran.
    for name, repeated in sorted(runs.items(), key=lambda item: item[1][0].get("family_index", 0)):
        row = parse_name(name)
        if row is None:
            continue
        failed = next((run for run in repeated if run.get("error_occurred")), None)
        if failed:
            rows.append({**row, "error": failed.get("error_message", "failed")})
            continue
        repeated.sort(key=lambda run: run.get("repetition_index", 0))
        # Rates with one thread are per second of processor time, as Google Benchmark computed them.
        clock = "cpu_time" if row["threads"] == 1 else "real_time"
        times = [run[clock] * SECONDS[run["time_unit"]] for run in repeated]
        row.update(seconds=statistics.median(times), bound=repeated[0].get("label", ""), times=times)
        for key, counter in (("gflops", "GFLOP/s"), ("gbytes", "GB/s"), ("percent", "percent")):
            if counter in repeated[0]:
                row[key] = statistics.median(run[counter] for run in repeated)
        rows.append(row)
    return rows


def key_of(row):
    return tuple(row[k] for k in ("operation", "shape", "pass", "type", "threads"))


def compare_rows(rows):
    """The ratios of other implementations' times to ours, round by round, for each row that both have."""
    ours = {key_of(row): row for row in rows if row["who"] == "ours" and "error" not in row}
    pairs = []
    for row in rows:
        mine = ours.get(key_of(row))
        if row["who"] in LIBRARIES and mine and "error" not in row:
            ratio = spread([theirs / own for own, theirs in zip(mine["times"], row["times"])])
            pairs.append({**dict(zip(("operation", "shape", "pass", "type", "threads"), key_of(row))),
                          "library": row["who"], "ratio": ratio["median"], "quartiles": ratio["quartiles"]})
    return pairs


def conv_totals(rows):
    """Totals over our convolutions, by type, threads and pass: the lowest percentage of the ceilings, and the percentage
    over all shapes, which is the sum of floors over the sum of times.
    Every listed shape counts once. The rows of whole steps show what the network reaches."""
    groups = {}
    for row in rows:
        if row["operation"] == "conv" and row["who"] == "ours" and "error" not in row:
            groups.setdefault((row["type"], row["threads"], row["pass"]), []).append(row)
    totals = []
    for (kind, threads, name), members in groups.items():
        floors = sum(row["percent"] / 100 * row["seconds"] for row in members)
        lowest = min(members, key=lambda row: row["percent"])
        totals.append({"type": kind, "threads": threads, "pass": name,
                       "percent": 100 * floors / sum(row["seconds"] for row in members),
                       "lowest": lowest["percent"], "lowest_shape": lowest["shape"]})
    return sorted(totals, key=lambda t: (t["type"], t["threads"] or 0))


def lowest_ratios(ratios, operation, library):
    """By type and pass: the number of an operation's shapes, and how many of them are no slower than the library.
    Also the lowest ratio with its shape."""
    groups = {}
    for pair in ratios:
        if pair["operation"] == operation and pair["library"] == library:
            groups.setdefault((pair["type"], pair["pass"]), []).append(pair)
    found = []
    for (kind, name), members in groups.items():
        lowest = min(members, key=lambda pair: pair["ratio"])
        found.append({"type": kind, "pass": name, "shapes": len(members), "ratio": lowest["ratio"],
                      "shape": lowest["shape"], "not_slower": sum(pair["ratio"] >= 1 for pair in members)})
    return found
