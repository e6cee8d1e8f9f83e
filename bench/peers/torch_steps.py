"""The same work as bench_steps by PyTorch, with the same commands (see bench/steps.cpp) and some more:

  gradients OUT f64  in double precision, rounded to f32 at the end: what both sides are held against
  make CASE FOLDER   draws weights and a batch for CASE, "NxHxLxCLASSESxWIDTH", into FOLDER
  variant NAME       eager, channels_last or compile: how PyTorch is used from now on

What cannot be done is answered with {"error": TEXT}, and the next command is waited for.
Development only: needs a Python with torch.
"""

import argparse
import json
import pathlib
import re
import resource
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "parity"))
import network  # noqa: E402
import safetensors_file  # noqa: E402


class Bench:
    def __init__(self, device):
        self.device = device
        self.variant = "eager"
        self.net = None

    def make(self, case, folder):
        n, h, length, classes, width = (int(part) for part in case.split("x"))
        torch.manual_seed(1)
        net = network.randomise(network.SeEcgNet(leads=h, classes=classes, width=width))
        safetensors_file.write(f"{folder}/weights.safetensors", net.state_dict())
        batch = {
            "x": torch.randn(n, h, length),
            "labels": torch.randint(0, classes, (n,)).to(torch.int32),
        }
        safetensors_file.write(f"{folder}/batch.safetensors", batch)
        return {"made": case}

    def load(self, weights, batch):
        self.state = safetensors_file.read(weights)[0]
        tensors, _ = safetensors_file.read(batch)
        self.x = tensors["x"].to(self.device)
        self.labels = tensors["labels"].long().to(self.device)
        self.net = None
        return {"loaded": weights}

    def prepare(self, dropout, double=False):
        width = self.state["conv1.weight"].shape[0]
        net = network.SeEcgNet(
            leads=self.x.shape[1], classes=self.state["fc.weight"].shape[0], width=width, dropout=dropout
        )
        net.load_state_dict(self.state)
        net.to(self.device)
        self.type = torch.float64 if double else torch.float32
        net.to(self.type)
        if self.variant == "channels_last":
            # PyTorch knows channels last for 2-D convolutions only: the 1-D part stays as it is.
            net.to(memory_format=torch.channels_last)
        self.plain = net
        # Shapes are fixed: a batch of one is compiled for itself.
        self.net = torch.compile(net, dynamic=False) if self.variant == "compile" else net
        self.optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
        self.inferred = set()
        net.train()

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(self.net(self.x.to(self.type)), self.labels)
        loss.backward()
        return loss

    def gradients(self, out, precision="f32"):
        self.prepare(0.0, precision == "f64")
        loss = self.step()
        # Under every name that the state dict has for a tied module's parameter.
        named = self.plain.named_parameters(remove_duplicate=False)
        safetensors_file.write(out, {name: p.grad.float() for name, p in named})
        result = loss.item()
        self.net = None
        return {"loss": result}

    def train(self, count):
        if self.net is None:
            self.prepare(0.2)
            for _ in range(3):
                self.step()
                self.optimizer.step()
        began = time.perf_counter()
        for _ in range(count):
            loss = self.step()
            self.optimizer.step()
            loss.item()  # what a training loop shows, and what waits for a GPU
        return {"seconds": time.perf_counter() - began}

    def infer(self, count, samples):
        if self.net is None:
            self.prepare(0.2)
        x = self.x[:samples].contiguous()
        self.net.eval()
        with torch.inference_mode():
            for _ in range(1 if samples in self.inferred else 3):
                self.net(x).cpu()
            self.inferred.add(samples)
            began = time.perf_counter()
            for _ in range(count):
                self.net(x).cpu()
            seconds = time.perf_counter() - began
        self.net.train()
        return {"seconds": seconds}

    def answer(self, words):
        command, *rest = words
        if command == "variant":
            self.variant, self.net = rest[0], None
            return {"variant": self.variant}
        if command == "train":
            return self.train(int(rest[0]))
        if command == "infer":
            return self.infer(int(rest[0]), int(rest[1]) if len(rest) > 1 else len(self.x))
        if command == "peak":
            return {"resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
        return {"make": self.make, "load": self.load, "gradients": self.gradients}[command](*rest)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=0, help="0: one per core")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    bench = Bench(arguments.device)
    # The version of oneDNN that computes its convolutions on the cpu.
    onednn = re.search(r"MKL-DNN v([0-9.]+)", torch.__config__.show())
    print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads(),
                      "onednn": onednn.group(1) if onednn else "none"}), flush=True)
    for line in sys.stdin:
        try:
            answer = bench.answer(line.split())
        except Exception as error:  # torch.compile fails in many ways
            answer = {"error": f"{line.strip()}: {type(error).__name__}: {str(error).strip().splitlines()[:1]}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
