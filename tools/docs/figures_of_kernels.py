"""The tables of docs/kernels/*.md: the forecast, the counted traffic, and the counts of kernel_lab.

A table follows a comment that says what is in it, and is replaced up to the next empty line:

    <!-- figures: conv_tensor<* conv_round_weights* -->      kernels by name, from bench/results
    <!-- figures: convolution versions -->                   every version on one small problem, from kernel_lab
    <!-- figures: step -->                                   the whole step
"""
import fnmatch
import json
import re
import subprocess
import tempfile

from stage import Problem

MARK = re.compile(r"^<!-- figures: (.*?) -->\n(?:\|.*\n)*", re.M)
ARITHMETIC = {"bf16": "bf16", "tf32": "TF32", "f32": "f32"}
VERSIONS = (("direct", "f32"), ("tiled", "f32"), ("blocked", "f32"), ("tensor", "f32"), ("tensor", "bf16"))
PROBLEM = ("--shape", "1x80x2x32x32", "--taps", "7")


def read_forecast(root):
    """Rows of bench/results/forecast.tsv: {(precision, kernel): {device: row}}."""
    lines = (root / "bench/results/forecast.tsv").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    names = lines[0].split("\t")
    rows = {}
    for line in lines[1:]:
        row = dict(zip(names, line.split("\t")))
        rows.setdefault((row["precision"], row["kernel"]), {})[row["device"]] = row
    return rows


def read_traffic(root):
    """Counts of bench/results/simt-traffic.json: {(precision, kernel): counts}."""
    cases = json.loads((root / "bench/results/simt-traffic.json").read_text(encoding="utf-8"))["cases"]
    return {(precision, name.partition(" ")[2]): counts
            for precision in ARITHMETIC for name, counts in cases[precision]["kernels"].items()}


def bound_by(row):
    parts = {"instructions": float(row["issue_ms"]), "memory": float(row["memory_ms"]),
             "tensor cores": float(row["tensor_ms"])}
    most = max(parts, key=parts.get)
    return most if parts[most] >= 0.5 * float(row["ms"]) else "gaps between launches"


def table(header, rows):
    return "\n".join(["| " + " | ".join(header) + " |", "|---|---|" + "---:|" * (len(header) - 3) + "---|",
                      *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def kernels(patterns, forecast, traffic):
    """A row per kernel and arithmetic; the slowest first."""
    keys = [key for key in {**forecast, **traffic}
            if key[1] != "step" and any(fnmatch.fnmatchcase(key[1], pattern) for pattern in patterns)]
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(key[1], pattern) for key in keys):
            raise Problem(f"docs/kernels: no kernel of bench/results is called {pattern}")

    def order(key):
        rows = forecast.get(key)
        return (list(ARITHMETIC).index(key[0]), -float(rows["H200"]["ms"]) if rows else 0, key[1])

    rows = []
    for key in sorted(keys, key=order):
        predicted, counted = forecast.get(key), traffic.get(key)
        moved = "–"
        if counted:
            moved = f"{(counted['bytes_read'] + counted['bytes_written']) / counted['floor_bytes']:.2f}"
        cells = ["–", "–", "–", "–"]
        if predicted:
            row = predicted["H200"]
            cells = [row["launches"], f"{float(row['ms']):.3f}", f"{float(predicted['H100']['ms']):.3f}", bound_by(row)]
        rows.append([f"`{key[1]}`", ARITHMETIC[key[0]], *cells[:3], moved, cells[3]])
    return table(["kernel", "arithmetic", "launches", "forecast, H200, ms", "forecast, H100, ms", "moved / least",
                  "bound by"], rows)


def versions(bin_folder):
    """What each version asks of memory and of shared memory for one small convolution, counted on simt."""
    rows = []
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        for version, type_name in VERSIONS:
            command = [bin_folder / "kernel_lab", "--version", version, "--type", type_name, *PROBLEM, "--json", file.name]
            try:
                subprocess.run(command, check=True, capture_output=True, timeout=120)
            except (OSError, subprocess.SubprocessError) as error:
                raise Problem(f"kernel_lab: {error}; build it first: cmake --build build --target kernel_lab") from None
            with open(file.name, encoding="utf-8") as data:
                counts = json.load(data)["counts"]["launch"]
            shared = counts["shared_loads"]["requests"] + counts["shared_stores"]["requests"]
            arithmetic = {"tensor f32": "TF32"}.get(f"{version} {type_name}", type_name)
            loads = counts["loads"]
            rows.append([f"{version}", arithmetic, f"{loads['bytes'] / 1000:,.0f}", f"{loads['block_sectors'] * 32 / 1000:,.0f}",
                         f"{loads['requests']:,}", f"{shared:,}", "tensor cores" if counts["tensor_operations"] else "threads"])
    return table(["version", "arithmetic", "kB asked for", "kB, each sector once per block", "loads of warps",
                  "requests to shared memory", "products by"], rows)


def step(forecast):
    rows = []
    for precision in ("bf16", "tf32"):
        by_device = forecast[precision, "step"]
        row = by_device["H200"]
        rows.append(["a whole training step", ARITHMETIC[precision], row["launches"], f"{float(row['ms']):.2f}",
                     f"{float(by_device['H100']['ms']):.2f}", bound_by(row)])
    return table(["", "arithmetic", "launches", "forecast, H200, ms", "forecast, H100, ms", "bound by"], rows)


def update(root, bin_folder, check):
    """Writes every table. With `check` it only says which are old, and returns 1 if there are any."""
    forecast, traffic = read_forecast(root), read_traffic(root)
    old, count = [], 0
    for path in sorted((root / "docs").rglob("*.md")):
        def made(match):
            what = match[1]
            if what == "step":
                text = step(forecast)
            elif what == "convolution versions":
                text = versions(bin_folder)
            else:
                text = kernels(re.findall(r"\S+", what), forecast, traffic)
            return f"<!-- figures: {what} -->\n{text}"

        before = path.read_text(encoding="utf-8")
        after, tables = MARK.subn(made, before)
        count += tables
        if after != before:
            old.append(path.name)
            if not check:
                path.write_text(after, encoding="utf-8")
    if not count:
        raise Problem("docs/kernels has no tables")
    if check and old:
        print(f"docs_site: the tables of {', '.join(old)} are not those of bench/results: tools/docs_site --tables")
        return 1
    print(f"docs_site: {count} tables, {len(old)} changed")
    return 0
