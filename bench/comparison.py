"""What bench/compare is made of: programs that take turns, and what is said of their times and results."""

import array
import json
import os
import platform
import statistics
import subprocess


class PeerError(Exception):
    """A program answered that it cannot, or ended."""


class Worker:
    """A program that does rounds of work on request, one line of JSON each."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.about = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise PeerError(f"{self.name} ended with status {self.process.wait()}")
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
LOSS_TOLERANCE = 1e-4
# Gradients agree with those of double precision to some 1e-6 until an activation that is almost zero has another sign;
# a few such among millions move a gradient of a deep network by some 1e-3 of its length, PyTorch's as well as ours and
# by chance, and ours more often where minimal filtering rounds more (docs/speed.md). So ours may be a few times as far
# from them as PyTorch's are; a wrong layer is tenths away.
GRADIENT_TOLERANCE = 5e-3
TIMES_THE_PEERS = 5
GRADIENT_LIMIT = 0.05


def agree(loss, exact_loss, distance, peers_distance):
    """Whether a loss and the farthest gradient are as near to those of double precision as they should be."""
    return (abs(loss - exact_loss) <= LOSS_TOLERANCE * abs(exact_loss)
            and distance <= min(max(GRADIENT_TOLERANCE, TIMES_THE_PEERS * peers_distance), GRADIENT_LIMIT))


def quartiles(values):
    """The first and the third; of fewer than four values the least and the largest."""
    if len(values) < 4:
        return [min(values), max(values)]
    cut = statistics.quantiles(values, n=4)
    return [cut[0], cut[2]]


def spread(values):
    return {"median": statistics.median(values), "quartiles": quartiles(values)}


def take_turns(workers, words, count, seconds):
    """The seconds of one unit of work, by worker and round: `count` rounds of about so many seconds each."""
    units = {}
    for worker in workers:
        first = worker.ask(words[0], 1, *words[1:])["seconds"]
        units[worker.name] = max(1, round(seconds / max(first, 1e-6)))
    times = {worker.name: [] for worker in workers}
    for _ in range(count):
        for worker in workers:
            n = units[worker.name]
            times[worker.name].append(worker.ask(words[0], n, *words[1:])["seconds"] / n)
    return times


def compare_times(times, ours, samples):
    """Rates and ratios of a dict of times by round; the best peer is the one with the smallest median."""
    mine = times[ours]
    result = {ours: {"samples_per_second": samples / statistics.median(mine)}, "peers": {}}
    for name, theirs in times.items():
        if name != ours:
            ratio = spread([other / own for own, other in zip(mine, theirs)])
            result["peers"][name] = {"samples_per_second": samples / statistics.median(theirs),
                                     "ratio": ratio["median"], "quartiles": ratio["quartiles"]}
    if result["peers"]:
        best = max(result["peers"], key=lambda name: result["peers"][name]["samples_per_second"])
        result["best"] = best
        result["ratio"] = result["peers"][best]["ratio"]
        result["quartiles"] = result["peers"][best]["quartiles"]
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
