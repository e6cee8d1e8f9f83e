"""Makes tables of a summary of bench/compare, as text and as Markdown.
A summary has only what was measured, so each table is optional."""

NOTHING = "-"


def number(value, digits=3):
    """The value with this number of significant digits, without an exponent."""
    if value is None:
        return NOTHING
    if value == 0:
        return "0"
    places = 0
    size = abs(value)
    while size < 10 ** (digits - 1) and places < 6:
        size *= 10
        places += 1
    return f"{value:.{places}f}"


def time_text(seconds):
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{number(seconds / scale)} {unit}"
    return f"{number(seconds * 1e9)} ns"


def ratio_text(entry):
    if entry is None or entry.get("ratio") is None:
        return NOTHING
    low, high = entry["quartiles"]
    return f"{entry['ratio']:.2f} ({low:.2f} to {high:.2f})"


def verdict(met):
    return "met" if met else "missed"


WORK = {"train": "train", "infer": "infer", "infer1": "infer, batch 1"}


def work_title(work, row):
    """The title of a row of work; inference uses the case's batch unless the row has another."""
    return f"{WORK[work]}, batch {row['batch']}" if "batch" in row else WORK[work]


def steps_table(summary):
    def names(key):
        return list(dict.fromkeys(v for case in summary["cases"].values() for work in WORK
                                  for v in case.get(work, {}).get(key, {})))
    ours, variants = names("ours") or ["sec"], names("peers")
    header = ["case", "work", "time", "GFLOP/s", "GB/s", "% of ceiling", "bound by", *ours, *variants, "best peer",
              "sec / best (quartiles)", "target"]
    rows = []
    for name, case in summary["cases"].items():
        for work in WORK:
            if work not in case:
                continue
            row = case[work]
            target = row.get("target")
            mine = row.get("ours", {"sec": row["sec"]})
            rows.append([name, work_title(work, row), time_text(row["sec"]["seconds"]), number(row["sec"]["gflops"]),
                         number(row["sec"]["gbytes"]), f"{row['sec']['percent']:.0f}", row["sec"]["bound"],
                         *(number(mine[v]["samples_per_second"]) if v in mine else NOTHING for v in ours),
                         *(number(row["peers"][v]["samples_per_second"]) if v in row["peers"] else NOTHING
                           for v in variants),
                         row.get("best", NOTHING), ratio_text(row), NOTHING if target is None else f">= {target:g}"])
    return "Steps: samples per second" + (", and times, rates and ratios of our fastest" if len(ours) > 1 else ""), header, rows


MEMORY = {"resident": "of the process", "tensors": "of tensors", "reserved": "reserved on the device"}


def memory_table(summary):
    names = list(dict.fromkeys(n for case in summary["cases"].values() for n in case.get("memory", {}).get("mib", {})))
    rows = []
    for name, case in summary["cases"].items():
        for memory in (case.get("memory"), case.get("reserved")):
            if memory:
                rows.append([name, MEMORY[memory.get("what", "resident")], *(number(memory["mib"].get(n)) for n in names),
                             NOTHING if memory.get("ratio") is None else f"{memory['ratio']:.2f}",
                             NOTHING if memory.get("target") is None else f"<= {memory['target']:g}"])
    return "Memory at most, MiB", ["case", "what", *names, "least of ours / least of the others", "target"], rows


def profile_table(summary):
    rows = []
    for name, case in summary["cases"].items():
        profile = case.get("profile")
        if not profile:
            continue
        rest = profile["seconds"] - sum(k["seconds"] for k in profile["kernels"])
        kernels = [k for k in profile["kernels"] if k["seconds"] >= 0.005 * profile["seconds"]]
        small = sum(k["seconds"] for k in profile["kernels"]) - sum(k["seconds"] for k in kernels)
        for k in kernels:
            rows.append([name, k["name"], f"{k['calls']:g}", time_text(k["seconds"]),
                         f"{100 * k['seconds'] / profile['seconds']:.1f}",
                         f"{k['percent']:.0f}" if "percent" in k else NOTHING])
        rows.append([name, "kernels below 0.5 %", "", time_text(small), f"{100 * small / profile['seconds']:.1f}", NOTHING])
        rows.append([name, "between kernels", "", time_text(max(rest, 0)), f"{100 * rest / profile['seconds']:.1f}",
                     NOTHING])
    return ("Where a training step goes, run kernel by kernel",
            ["case", "kernel", "calls", "time", "% of step", "% of ceiling"], rows)


def kernels_table(summary):
    rows = []
    pairs = {}
    for pair in summary["kernels"]["ratios"]:
        pairs[(pair["operation"], pair["shape"], pair["pass"], pair["type"], pair["threads"])] = pair
    for row in summary["kernels"]["rows"]:
        names = [row["operation"], row["shape"], row["pass"], row["type"],
                 NOTHING if row["threads"] is None else str(row["threads"]), row["who"]]
        if "error" in row:
            rows.append([*names, *[NOTHING] * 5, row["error"]])
            continue
        pair = pairs.get(tuple(row[k] for k in ("operation", "shape", "pass", "type", "threads")))
        rows.append([*names, time_text(row["seconds"]), number(row.get("gflops")), number(row.get("gbytes")),
                     f"{row['percent']:.0f}", row["bound"],
                     f"{ratio_text(pair)} {pair['library']}" if pair and row["who"] == "ours" else NOTHING])
    return ("Kernels", ["operation", "shape", "pass", "type", "threads", "who", "time", "GFLOP/s", "GB/s",
                        "% of ceiling", "bound by", "library / ours (quartiles)"], rows)


def conv_table(summary):
    rows = [[t["type"], NOTHING if t["threads"] is None else str(t["threads"]), t["pass"], f"{t['percent']:.0f}",
             f"{t['lowest']:.0f}", t["lowest_shape"]] for t in summary["kernels"]["convolutions"]]
    return ("Our convolutions over all shapes together",
            ["type", "threads", "pass", "% of ceiling", "lowest", "shape of the lowest"], rows)


def throughput_table(summary):
    t = summary["sectrain"]
    return ("sectrain and the bare step, samples per second",
            ["recipe", "data", "sectrain", "bare step", "ratio (quartiles)", "target"],
            [[t["recipe"], t["data"], number(t["sectrain"]), number(t["bare_step"]), ratio_text(t),
              NOTHING if t.get("target") is None else f">= {t['target']:g}"]])


def recipe_table(summary):
    r = summary["recipe"]
    low, high = r["quartiles"]
    return ("A recipe from files to scores and report", ["recipe", "data", "time (quartiles)", "macro-F1", "target"],
            [[r["recipe"], r["data"], f"{time_text(r['seconds'])} ({time_text(low)} to {time_text(high)})",
              f"{100 * r['macro_f1']:.1f} %", NOTHING if r.get("target") is None else f"<= {r['target']:g} s"]])


def targets_table(summary):
    return ("Targets", ["what", "measured", "target", ""],
            [[t["what"], number(t["value"]), t["target"], verdict(t["met"])] for t in summary["targets"]])


def tables(summary):
    made = []
    if summary.get("cases"):
        made += [steps_table(summary), memory_table(summary), profile_table(summary)]
    if summary.get("kernels"):
        made += [kernels_table(summary), conv_table(summary)]
    if summary.get("sectrain"):
        made.append(throughput_table(summary))
    if summary.get("recipe"):
        made.append(recipe_table(summary))
    if summary.get("targets"):
        made.append(targets_table(summary))
    return [table for table in made if table[2]]


def about(summary):
    machine = summary["machine"]
    lines = [f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine.get('system', '')}; load "
             f"{machine['load']} when it began, {machine.get('most_load', '?')} at most" + ("; BUSY: figures are low" if busy(summary) else "")]
    for precision, ceilings in summary.get("ceilings_by_precision", {"": summary.get("ceilings")}).items():
        if ceilings:
            on = "on all threads" if summary.get("device", "cpu") == "cpu" else f"in {precision}"
            lines.append(f"Ceilings in this run: {number(ceilings['gflops'])} GFLOP/s of fused multiply-adds, "
                         f"{number(ceilings['gbytes'])} GB/s copied, {on}")
    if "sec" in summary:
        lines.append(f"sec {summary['sec']['version']}, {summary['sec']['device']}, {summary['sec']['isa']}, "
                     f"{summary['sec']['threads']} threads")
    if "torch" in summary:
        torch = summary["torch"]
        library = f"{torch['gpu']}, CUDA {torch['cuda']}, cuDNN {torch['cudnn']}" if "gpu" in torch else \
            f"oneDNN {torch.get('onednn', '?')}"
        lines.append(f"PyTorch {torch['version']}, {library}, {torch['threads']} threads")
    context = summary.get("kernels", {}).get("context", {})
    if "oneDNN" in context:
        lines.append(f"oneDNN beside the kernels: {context['oneDNN']}")
    if "gpu" in summary:
        lines.insert(1, f"GPU: {summary['gpu']}")
    if "not_compared" in summary:
        lines.append(f"NOT COMPARED with PyTorch: {summary['not_compared']}")
    lines += [f"NOT MEASURED: {text}" for text in summary.get("not_measured", [])]
    lines += [f"FAILED: {text}" for text in summary.get("failed", [])]
    return lines


def busy(summary):
    """Whether the machine was busy: other load exceeded a quarter of the cores at the start of the run,
    or the load exceeded the number of cores at some time."""
    machine = summary["machine"]
    return machine["load"] > 0.25 * machine["cores"] or machine.get("most_load", 0) > machine["cores"] + 0.75


def to_text(summary):
    parts = ["\n".join(about(summary))]
    for title, header, rows in tables(summary):
        cells = [header, *rows]
        widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells]
        parts.append("\n".join([title, *("  " + line for line in lines)]))
    return "\n\n".join(parts) + "\n"


def to_markdown(summary):
    parts = ["# Measured by bench/compare", "\n".join(f"- {line}" for line in about(summary))]
    for title, header, rows in tables(summary):
        lines = [header, ["---"] * len(header), *rows]
        parts.append(f"## {title}\n\n" + "\n".join(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines))
    return "\n\n".join(parts) + "\n"
