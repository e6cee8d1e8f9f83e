"""The parts of bench/compare that run programs in turns and compare their times and results."""

import array
import json
import os
import platform
import statistics
import subprocess
import tempfile


try:
    import numpy
except ImportError:  # only makes the comparison of gradients slower
    numpy = None


class PeerError(Exception):
    """A program reported an error or ended; `ours`: whether the program is sec's."""

    def __init__(self, text, ours=True):
        super().__init__(text)
        self.ours = ours


class Worker:
    """A program that works on request: it reads commands and answers each with one line of JSON."""

    def __init__(self, name, command):
        self.name = name
        self.ours = name.split()[0] in ("sec", "bench_steps")
        self.errors = tempfile.TemporaryFile("w+", errors="replace")  # a file, as a full pipe would block the program
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)
        self.about = self.read()

    def read(self):
        line = self.process.stdout.readline()
        while line and not line.startswith("{"):  # libraries of a peer may print, too
            line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            self.errors.seek(0)
            said = [line for line in self.errors.read().splitlines() if line.strip()]
            raise PeerError(f"{self.name} ended with status {status}" + (f": {said[-1]}" if said else ""), self.ours)
        answer = json.loads(line)
        if "error" in answer:
            raise PeerError(f"{self.name}: {answer['error']}", self.ours)
        return answer

    def ask(self, *words):
        try:
            print(*words, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # read() reports the end of the program
        return self.read()

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def read_f32(path):
    """The f32 tensors of a safetensors file, by name, as arrays."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        content = file.read()
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            tensors[name] = array.array("f", content[begin:end])
    return tensors


def write_safetensors(path, tensors):
    """Writes a safetensors file; `tensors` maps names to (dtype, shape, array)."""
    header, content = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        raw = values.tobytes()
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(content), len(content) + len(raw)]}
        content += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + content)


def squares(values, others=None):
    """The sum of squares, in double precision, of the values of an array, or of their differences from another's."""
    if numpy is not None:
        left = numpy.asarray(values, dtype=numpy.float64)
        left = left if others is None else left - numpy.asarray(others, dtype=numpy.float64)
        return float(numpy.dot(left, left))
    return sum(v * v for v in values) if others is None else sum((a - b) ** 2 for a, b in zip(values, others))


def compare_gradients(ours, theirs):
    """The largest distance of a gradient from the peer's, relative to the norm of all gradients, and its name."""
    if missing := sorted(set(theirs) - set(ours)):
        return float("inf"), missing[0]
    total = sum(squares(tensor) for tensor in theirs.values()) ** 0.5
    worst, where = 0.0, ""
    for name, expected in theirs.items():
        if len(ours[name]) != len(expected):
            return float("inf"), name
        distance = squares(ours[name], expected) ** 0.5 / total
        if distance != distance:  # NaN counts as infinitely far
            return float("inf"), name
        if distance >= worst:
            worst, where = distance, name
    return worst, where


# Losses agree to about 1e-6: they are means over some ten samples, computed by a hundred layers in f32.
# Gradients agree with f64 gradients to about 1e-6, unless rounding changes the sign of an activation near zero.
# A few such changes among millions of activations move a deep network's gradient by about 1e-3 of its norm.
# These changes happen by chance in PyTorch and in sec.
# They are more frequent where sec uses minimal filtering, which rounds more (docs/speed.md).
# So sec's distance from f64 may be a few times PyTorch's.
# An error in a layer causes a distance of some tenths.
#
# With 10 bits of mantissa (tf32) or 7 (bf16) many more signs change. Examples from a network with 16 beats:
# PyTorch's bf16 loss was 5e-3 away and its gradient 0.3; sec's tf32 loss on simt was 1.5e-3 away, its gradient 0.08.
# These tolerances only find results that are much worse than PyTorch's in the same arithmetic.
# The kernels' own tests check their correctness.
TOLERANCES = {  # gradient: this or `times` the peer's distance, at most `limit`
    "f32": {"loss": 1e-4, "gradient": 5e-3, "times": 5, "limit": 0.05},
    "tf32": {"loss": 1e-2, "gradient": 0.05, "times": 3, "limit": 0.3},
    "bf16": {"loss": 5e-2, "gradient": 0.1, "times": 2, "limit": 0.8},
}


def agree(loss, exact_loss, distance, peers_distance, precision="f32"):
    """Whether a loss and the worst gradient are close enough to their double-precision values."""
    allowed = TOLERANCES[precision]
    return (abs(loss - exact_loss) <= allowed["loss"] * abs(exact_loss)
            and distance <= min(max(allowed["gradient"], allowed["times"] * peers_distance), allowed["limit"]))


def quartiles(values):
    """The first and third quartile; of fewer than four values, the smallest and the largest."""
    if len(values) < 4:
        return [min(values), max(values)]
    cut = statistics.quantiles(values, n=4)
    return [cut[0], cut[2]]


def spread(values):
    return {"median": statistics.median(values), "quartiles": quartiles(values)}


def take_turns(workers, words, count, seconds, fails=None):
    """Seconds per unit of work, by worker and round, over `count` rounds of about `seconds` each.
    A worker that fails is left out after fails(name, error) is called; without `fails` the error is raised."""
    units = {}
    able = []
    for worker in workers:
        try:
            first = worker.ask(words[0], 1, *words[1:])["seconds"]
        except PeerError as error:
            if fails is None:
                raise
            fails(worker.name, error)
            continue
        able.append(worker)
        units[worker.name] = max(1, round(seconds / max(first, 1e-6)))
    times = {worker.name: [] for worker in able}
    for _ in range(count):
        for worker in list(able):
            n = units[worker.name]
            try:
                times[worker.name].append(worker.ask(words[0], n, *words[1:])["seconds"] / n)
            except PeerError as error:
                if fails is None:
                    raise
                fails(worker.name, error)
                able.remove(worker)
                del times[worker.name]
    return times


def compare_times(times, ours, samples):
    """Rates and ratios from times by round; `ours` names the workers that are sec's.
    The best of ours and the best peer are those with the smallest median."""
    rates = {name: samples / statistics.median(seconds) for name, seconds in times.items()}
    mine = {name: {"samples_per_second": rates[name]} for name in ours if name in times}
    best_of_ours = max(mine, key=lambda name: rates[name])
    result = {"sec": {"who": best_of_ours, "samples_per_second": rates[best_of_ours]}, "ours": mine, "peers": {}}

    def ratio(name, peer):
        found = spread([theirs / own for own, theirs in zip(times[name], times[peer])])
        return {"ratio": found["median"], "quartiles": found["quartiles"]}

    for name in times:
        if name not in ours:
            result["peers"][name] = {"samples_per_second": rates[name], **ratio(best_of_ours, name)}
    if result["peers"]:
        best = max(result["peers"], key=lambda name: rates[name])
        result["best"] = best
        result.update(ratio(best_of_ours, best))
        for name in mine:
            mine[name].update(ratio(name, best))
    return result


def machine():
    name = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return {"cpu": name, "cores": len(os.sched_getaffinity(0)), "load": round(os.getloadavg()[0], 2),
            "system": f"{platform.system()} {platform.release()}"}
