#!/usr/bin/env python3
"""Writes tests/golden/se_ecgnet.safetensors: one training step of SE-ECGNet, computed by PyTorch.

A development tool: it needs PyTorch (2.x), the build and the tests do not. The network below is written from
the description in docs/network.md with PyTorch's own modules and its own layout, (N, C, H, L); it shares no
code with the engine. Initial values and the batch are rounded to f32, so that both sides start from the same
numbers; everything after that is computed in f64 and rounded once when written. Layouts stay PyTorch's: the
test that reads the file permutes.

Usage: tools/parity/make_golden.py [OUTPUT]
"""

import json
import struct
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

WIDTH, LEADS, LENGTH, CLASSES, COVARIATES, BATCH = 8, 2, 360, 4, 2, 5
SMOOTHING = 0.1


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        squeezed = max(channels // 16, 1)
        self.fc1 = nn.Linear(channels, squeezed)
        self.fc2 = nn.Linear(squeezed, channels)

    def forward(self, x):
        means = x.flatten(2).mean(2)
        factors = torch.sigmoid(self.fc2(F.relu(self.fc1(means))))
        return x * factors.reshape(factors.shape + (1,) * (x.dim() - 2))


class Downsample(nn.Module):
    def __init__(self, channels, dims):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels) if dims == 2 else nn.BatchNorm1d(channels)
        if dims == 2:
            self.conv = nn.Conv2d(channels, channels, 1, stride=(1, 2))
        else:
            self.conv = nn.Conv1d(channels, channels, 1, stride=2)

    def forward(self, x):
        return self.conv(F.relu(self.bn(x)))


class Block2d(nn.Module):
    def __init__(self, channels, k, stride, convs, downsample=None):
        super().__init__()
        self.convs = convs
        for i in range(1, convs + 1):
            conv = nn.Conv2d(
                channels, channels, (1, k), stride=(1, stride if i == 1 else 1), padding=(0, k // 2), bias=False
            )
            self.add_module(f"bn{i}", nn.BatchNorm2d(channels))
            self.add_module(f"conv{i}", conv)
        self.se = SqueezeExcite(channels)
        self.downsample = downsample

    def forward(self, x):
        y = x
        for i in range(1, self.convs + 1):
            y = F.relu(getattr(self, f"bn{i}")(y))
            y = getattr(self, f"conv{i}")(y)
        y = self.se(y)
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Block1d(nn.Module):
    def __init__(self, channels, k, downsample):
        super().__init__()
        for i in range(1, 5):
            conv = nn.Conv1d(channels, channels, k, stride=2 if i == 1 else 1, padding=k // 2, bias=False)
            self.add_module(f"bn{i}", nn.BatchNorm1d(channels))
            self.add_module(f"conv{i}", conv)
        self.se1 = SqueezeExcite(channels)
        self.se2 = SqueezeExcite(channels)
        self.downsample = downsample

    def forward(self, x):
        y = self.se1(self.conv1(F.relu(self.bn1(x)))) + self.downsample(x)
        z = y
        for i in range(2, 5):
            z = getattr(self, f"conv{i}")(F.relu(getattr(self, f"bn{i}")(z)))
        return F.relu(self.se2(z) + y)


class SeEcgNet(nn.Module):
    """With tied downsamples and without dropout, whose random numbers are not PyTorch's."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, WIDTH, (1, 50), stride=(1, 2), bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTH)
        shared = Downsample(WIDTH, 2)
        self.block1 = nn.Sequential(*[Block2d(WIDTH, 15, 2, 1, shared) for _ in range(3)])
        self.block2_list = nn.ModuleList()
        self.block3_list = nn.ModuleList()
        for k in (3, 5, 7):
            self.block2_list.append(nn.Sequential(*[Block2d(WIDTH, k, 1, 3) for _ in range(4)]))
            shared = Downsample(WIDTH * LEADS, 1)
            self.block3_list.append(nn.Sequential(*[Block1d(WIDTH * LEADS, k, shared) for _ in range(4)]))
        self.fc = nn.Linear(3 * WIDTH * LEADS + COVARIATES, CLASSES)

    def forward(self, x, covariates):
        y = F.relu(self.bn1(self.conv1(x.unsqueeze(1))))  # (N, C, H, L)
        y = self.block1(y)
        features = []
        for per_lead, all_leads in zip(self.block2_list, self.block3_list):
            z = per_lead(y)
            z = all_leads(z.reshape(z.shape[0], -1, z.shape[-1]))  # (N, C * H, L)
            features.append(z.mean(2))
        return self.fc(torch.cat(features + [covariates], 1))


def write_safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in sorted(tensors.items()):
        kind = "I32" if tensor.dtype in (torch.int32, torch.int64) else "F32"
        raw = tensor.detach().to(torch.int32 if kind == "I32" else torch.float32).contiguous()
        raw = raw.numpy().tobytes()
        header[name] = {
            "dtype": kind, "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]
        }
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/se_ecgnet.safetensors")
    torch.manual_seed(20201)
    net = SeEcgNet()
    with torch.no_grad():  # nothing may stay at 0 or 1, or a mixed-up order of channels would not show
        for name, parameter in net.named_parameters():
            if ".bn" in name or name.startswith("bn"):
                parameter.copy_(torch.rand_like(parameter) + 0.5 if name.endswith("weight")
                                else torch.randn_like(parameter) * 0.2)
            elif name.endswith("bias"):
                parameter.copy_(torch.randn_like(parameter) * 0.3)
            else:
                nn.init.kaiming_uniform_(parameter)
        for name, buffer in net.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(torch.randn_like(buffer) * 0.3)
            elif name.endswith("running_var"):
                buffer.copy_(torch.rand_like(buffer) + 0.5)
    x = torch.randn(BATCH, LEADS, LENGTH)
    covariates = torch.randn(BATCH, COVARIATES)
    labels = torch.tensor([0, 3, 1, 2, 1])
    class_weights = torch.tensor([0.5, 1.0, 2.0, 1.5])

    tensors = {"x": x, "covariates": covariates, "labels": labels, "class_weights": class_weights}

    def keep_states(prefix):
        for name, buffer in net.named_buffers():
            if not name.endswith("num_batches_tracked"):
                tensors[f"{prefix}/{name}"] = buffer.clone()

    net, x, covariates = net.double(), x.double(), covariates.double()
    for name, parameter in net.named_parameters():
        tensors[f"parameter/{name}"] = parameter.clone()
    keep_states("state_before")

    net.eval()
    tensors["logits_evaluation"] = net(x, covariates)
    net.train()
    logits = net(x, covariates)
    loss = F.cross_entropy(logits, labels, class_weights.double(), label_smoothing=SMOOTHING)
    loss.backward()
    tensors["logits_training"] = logits
    tensors["loss"] = loss.reshape(1)
    for name, parameter in net.named_parameters():
        tensors[f"gradient/{name}"] = parameter.grad
    keep_states("state_after")

    # For comparison, what PyTorch's own f32 arithmetic makes of the same step.
    single = SeEcgNet()
    single.load_state_dict(net.state_dict())
    for parameter, source in zip(single.parameters(), net.parameters()):
        parameter.data.copy_(source.data)
    single.train()
    F.cross_entropy(single(x.float(), covariates.float()), labels, class_weights,
                    label_smoothing=SMOOTHING).backward()
    worst = max(
        ((p.grad.double() - q.grad).norm() / q.grad.norm()).item()
        for p, q in zip(single.parameters(), net.parameters())
    )
    metadata = {
        "made_by": f"tools/parity/make_golden.py, PyTorch {torch.__version__.split('+')[0]}",
        "width": str(WIDTH), "label_smoothing": str(SMOOTHING),
        "worst_relative_gradient_error_of_pytorch_f32": f"{worst:.1e}",
    }
    write_safetensors(path, tensors, metadata)
    print(f"{path}: {path.stat().st_size} bytes, {len(tensors)} tensors, {metadata}")


if __name__ == "__main__":
    main()
