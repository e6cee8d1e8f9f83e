"""Does the work of bench_steps with PyTorch. Commands are those of bench/steps/steps.cpp.
The commands make, profile and ceilings are missing, and these are added:

  gradients OUT [f64 | tf32 | bf16]  computes in the given arithmetic instead of f32 and rounds to f32 at the end.
                                     f64 is the reference for both sides
  variant WORDS                      how PyTorch is used from now on: some of these words, joined by +

  eager          PyTorch's defaults, with TF32 on cuda
  channels_last  all convolutions two-dimensional, with channels innermost
  compile        torch.compile; on cuda it tries all its kernels (max-autotune)
  amp_bf16       bf16 wherever autocast chooses it
  cuda_graph     a training step or forward pass is captured once and replayed

On cuda every step and pass takes its input from pinned host memory, because sec's input comes from the host, too.
cuDNN measures its algorithms, and Adam is one fused kernel.

A command that fails is answered with {"error": TEXT}; the program then reads the next command.
Development only: needs a Python with torch.
"""

import argparse
import contextlib
import json
import pathlib
import re
import resource
import sys
import time

try:
    import torch
except ImportError as missing:  # report it as the first answer
    print(json.dumps({"error": f"{sys.executable}: {missing}"}), flush=True)
    sys.exit()

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "parity"))
sys.dont_write_bytecode = True
import network  # noqa: E402
import safetensors_file  # noqa: E402

WORDS = ("eager", "channels_last", "compile", "amp_bf16", "cuda_graph")
WARM_UP = 3


class OneRow(torch.nn.Module):
    """Runs blocks of two dimensions, (N, C, 1, L), on an input of one dimension, (N, C, L)."""

    def __init__(self, blocks):
        super().__init__()
        self.blocks = blocks

    def forward(self, x):
        return self.blocks(x.unsqueeze(2).contiguous(memory_format=torch.channels_last)).squeeze(2)


def in_two_dimensions(module, made=None):
    """A two-dimensional module, over (N, C, 1, L), with the parameters of the one-dimensional `module`.
    Shared modules stay shared."""
    made = {} if made is None else made
    if id(module) in made:
        return made[id(module)]
    result = module
    if isinstance(module, torch.nn.Conv1d):
        result = torch.nn.Conv2d(module.in_channels, module.out_channels, (1, *module.kernel_size),
                                 stride=(1, *module.stride), padding=(0, *module.padding),
                                 bias=module.bias is not None)
        result.weight = torch.nn.Parameter(module.weight.detach().unsqueeze(2))
        result.bias = module.bias
    elif isinstance(module, torch.nn.BatchNorm1d):
        result = torch.nn.BatchNorm2d(module.num_features)
        result.to(module.weight.device, module.weight.dtype).load_state_dict(module.state_dict())
    else:
        for name, child in module.named_children():
            setattr(module, name, in_two_dimensions(child, made))
    made[id(module)] = result
    return result


def channels_last(net):
    for i, blocks in enumerate(net.block3_list):
        net.block3_list[i] = OneRow(in_two_dimensions(blocks))
    return net.to(memory_format=torch.channels_last)


def capture(work):
    """A function that replays `work` as a CUDA graph. Nothing else in this file needs a GPU."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            work()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = work()

    def replay():
        graph.replay()
        return result

    return replay


class Bench:
    def __init__(self, device):
        self.device = device
        self.words = {"eager"}
        self.forget()

    def on_cuda(self):
        return self.device == "cuda"

    def forget(self):
        """Drops the network and everything made for it."""
        self.net = self.plain = self.optimizer = self.repeat_step = None
        self.passes = {}  # number of samples: (input on the host, input on the device, forward pass)

    def use(self, words):
        unknown = sorted(set(words.split("+")) - set(WORDS))
        if unknown:
            raise ValueError(f"{unknown[0]} is none of {', '.join(WORDS)}")
        self.words = set(words.split("+"))
        self.forget()
        return {"variant": words}

    def load(self, weights, batch):
        self.forget()
        self.state = safetensors_file.read(weights)[0]
        tensors, _ = safetensors_file.read(batch)
        self.host = (tensors["x"], tensors["labels"].long())
        if self.on_cuda():
            self.host = tuple(tensor.pin_memory() for tensor in self.host)
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        self.x, self.labels = (tensor.to(self.device) for tensor in self.host)
        return {"loaded": weights}

    def prepare(self, dropout, kind=torch.float32):
        self.forget()
        net = network.SeEcgNet(leads=self.x.shape[1], classes=self.state["fc.weight"].shape[0],
                               width=self.state["conv1.weight"].shape[0], dropout=dropout)
        net.load_state_dict(self.state)
        net.to(self.device, kind)
        if "channels_last" in self.words:
            net = channels_last(net)
        self.plain = net
        if "compile" in self.words:  # fixed shapes: each batch size is compiled separately
            mode = "max-autotune" if self.on_cuda() else "default"
            self.net = torch.compile(net, dynamic=False, mode=mode)
        else:
            self.net = net
        self.optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=self.on_cuda(),
                                          capturable=self.on_cuda() and "cuda_graph" in self.words)
        net.train()

    def arithmetic(self):
        if "amp_bf16" in self.words:
            return torch.autocast(self.device, dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def backward(self, x):
        self.optimizer.zero_grad(set_to_none=True)
        with self.arithmetic():
            loss = torch.nn.functional.cross_entropy(self.net(x), self.labels)
        loss.backward()
        return loss

    def step(self):
        loss = self.backward(self.x)
        self.optimizer.step()
        return loss

    def gradients(self, out, precision="f32"):
        words, self.words = self.words, {"amp_bf16"} if precision == "bf16" else {"eager"}
        allow_tf32(precision == "tf32")
        self.prepare(0.0, torch.float64 if precision == "f64" else torch.float32)
        loss = self.backward(self.x.to(next(self.plain.parameters()).dtype)).item()
        # A tied module's parameters are written under each of their names in the state dict.
        named = self.plain.named_parameters(remove_duplicate=False)
        safetensors_file.write(out, {name: p.grad.float() for name, p in named})
        allow_tf32(True)
        self.words = words
        self.forget()
        return {"loss": loss}

    def train(self, count):
        if self.repeat_step is None:
            self.prepare(0.2)
            for _ in range(WARM_UP):
                self.step()
            self.repeat_step = capture(self.step) if "cuda_graph" in self.words else self.step
        began = time.perf_counter()
        for _ in range(count):
            if self.on_cuda():
                self.x.copy_(self.host[0], non_blocking=True)
                self.labels.copy_(self.host[1], non_blocking=True)
            self.repeat_step().item()  # fetching the loss, as training loops do, waits for the GPU
        return {"seconds": time.perf_counter() - began}

    def start_passes(self, samples):
        self.plain.eval()
        rows = self.host[0].repeat(-(-samples // len(self.host[0])), 1, 1)[:samples].contiguous()
        host = rows.pin_memory() if self.on_cuda() else rows
        x = host.to(self.device)

        def one():
            with self.arithmetic():
                return self.net(x)

        for _ in range(WARM_UP):
            one().cpu()
        self.passes[samples] = host, x, capture(one) if "cuda_graph" in self.words else one

    def infer(self, count, samples):
        if self.net is None:
            self.prepare(0.2)
        with torch.inference_mode():
            if samples not in self.passes:
                self.start_passes(samples)
            host, x, one = self.passes[samples]
            self.plain.eval()
            began = time.perf_counter()
            for _ in range(count):
                if self.on_cuda():
                    x.copy_(host, non_blocking=True)
                one().cpu()
            seconds = time.perf_counter() - began
        self.plain.train()
        return {"seconds": seconds}

    def peak(self):
        memory = {"resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
        if self.on_cuda():
            memory.update(tensors=torch.cuda.max_memory_allocated(), reserved=torch.cuda.max_memory_reserved())
        return memory

    def answer(self, words):
        command, *rest = words
        if command == "variant":
            return self.use(*rest)
        if command == "train":
            return self.train(int(rest[0]))
        if command == "infer":
            return self.infer(int(rest[0]), int(rest[1]) if len(rest) > 1 else len(self.x))
        if command == "peak":
            return self.peak()
        return {"load": self.load, "gradients": self.gradients}[command](*rest)


def allow_tf32(yes):
    torch.backends.cudnn.allow_tf32 = yes
    torch.backends.cuda.matmul.allow_tf32 = yes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=0, help="0: one per core")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        print(json.dumps({"error": f"PyTorch {torch.__version__} has no CUDA device here"}), flush=True)
        return
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.backends.cudnn.benchmark = True
    allow_tf32(True)
    bench = Bench(arguments.device)
    # The version of oneDNN that PyTorch uses for convolutions on the cpu.
    onednn = re.search(r"MKL-DNN v([0-9.]+)", torch.__config__.show())
    about = {"version": torch.__version__, "threads": torch.get_num_threads(),
             "onednn": onednn.group(1) if onednn else "none"}
    if arguments.device == "cuda":
        about.update(gpu=torch.cuda.get_device_name(), cuda=torch.version.cuda,
                     cudnn=torch.backends.cudnn.version())
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        try:
            answer = bench.answer(line.split())
        except Exception as error:  # torch.compile raises many kinds of exceptions
            answer = {"error": f"{line.strip()}: {type(error).__name__}: {str(error).strip().splitlines()[:1]}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
