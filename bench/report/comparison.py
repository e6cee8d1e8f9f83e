"""What bench/compare is made of: programs that take turns, and what is said of their times and results."""

import array
import json
import os
import platform
import statistics
import subprocess
import tempfile


class PeerError(Exception):
    """A program answered that it cannot, or ended."""


class Worker:
    """A program that does rounds of work on request, one line of JSON each."""

    def __init__(self, name, command):
        self.name = name
        self.errors = tempfile.TemporaryFile("w+", errors="replace")  # a file, so that no program waits for its reader
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)
        self.about = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            self.errors.seek(0)
            said = [line for line in self.errors.read().splitlines() if line.strip()]
            raise PeerError(f"{self.name} ended with status {status}" + (f": {said[-1]}" if said else ""))
        answer = json.loads(line)
        if "error" in answer:
            raise PeerError(f"{self.name}: {answer['error']}")
        return answer

    def ask(self, *words):
        try:
            print(*words, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # read() says how it ended
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
    """The f32 tensors of a safetensors file, as arrays."""
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
    """Tensors as (dtype, shape, array)."""
    header, content = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        raw = values.tobytes()
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(content), len(content) + len(raw)]}
        content += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + content)


def compare_gradients(ours, theirs):
    """The largest distance of a gradient from the peer's, in lengths of the peer's whole gradient, and whose it is."""
    if missing := sorted(set(theirs) - set(ours)):
        return float("inf"), missing[0]
    total = sum(v * v for tensor in theirs.values() for v in tensor) ** 0.5
    worst, where = 0.0, ""
    for name, expected in theirs.items():
        if len(ours[name]) != len(expected):
            return float("inf"), name
        distance = sum((a - b) ** 2 for a, b in zip(ours[name], expected)) ** 0.5 / total
        if distance != distance:  # not a number: nothing is farther
            return float("inf"), name
        if distance >= worst:
            worst, where = distance, name
    return worst, where


# Losses are means of some ten numbers that went through a hundred layers in f32: they agree to some 1e-6.
# Gradients agree with those of double precision to some 1e-6 until an activation that is almost zero has another sign;
# a few such among millions move a gradient of a deep network by some 1e-3 of its length, PyTorch's as well as ours and
# by chance, and ours more often where minimal filtering rounds more (docs/speed.md). So ours may be a few times as far
# from them as PyTorch's are; a wrong layer is tenths away.
#
# With 10 bits of mantissa (tf32) or 7 (bf16) far more signs change: of a network of 16 beats PyTorch's loss in bf16 was
# seen 5e-3 away and its gradient 0.3, ours in tf32 on simt 1.5e-3 and 0.08. There only what is much worse than PyTorch
# in the same arithmetic shows; that the kernels are right in it is for their tests to say.
TOLERANCES = {  # of the loss; of the gradient, or so many times the peer's distance, but never more than a limit
    "f32": {"loss": 1e-4, "gradient": 5e-3, "times": 5, "limit": 0.05},
    "tf32": {"loss": 1e-2, "gradient": 0.05, "times": 3, "limit": 0.3},
    "bf16": {"loss": 5e-2, "gradient": 0.1, "times": 2, "limit": 0.8},
}


def agree(loss, exact_loss, distance, peers_distance, precision="f32"):
    """Whether a loss and the farthest gradient are as near to those of double precision as they should be."""
    allowed = TOLERANCES[precision]
    return (abs(loss - exact_loss) <= allowed["loss"] * abs(exact_loss)
            and distance <= min(max(allowed["gradient"], allowed["times"] * peers_distance), allowed["limit"]))


def quartiles(values):
    """The first and the third; of fewer than four values the least and the largest."""
    if len(values) < 4:
        return [min(values), max(values)]
    cut = statistics.quantiles(values, n=4)
    return [cut[0], cut[2]]


def spread(values):
    return {"median": statistics.median(values), "quartiles": quartiles(values)}


def take_turns(workers, words, count, seconds, fails=None):
    """The seconds of one unit of work, by worker and round: `count` rounds of about so many seconds each. A worker that
    cannot is left out, and `fails` is called with its name and the error; without it, the error is the caller's."""
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
        for worker in able:
            n = units[worker.name]
            times[worker.name].append(worker.ask(words[0], n, *words[1:])["seconds"] / n)
    return times


def compare_times(times, ours, samples):
    """Rates and ratios of a dict of times by round, some of which are `ours`. The best of ours, and the best peer, is
    the one with the smallest median."""
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
