#!/usr/bin/env python3
"""Writes golden files: PyTorch's results for SE-ECGNet and the baselines in several configurations.

A development tool: it needs PyTorch (2.x); the build and the tests do not. Initial values and the batch are rounded
to f32 (signals to bf16, which halves the files), so that both sides start from the same numbers.
Everything else is computed in f64 and rounded once when written. Layouts and names are PyTorch's.

A file holds, for one configuration: `x` (N, H, L), `covariates` (N, K), `targets` (N, classes), the state dict
under initial/, and `logits_evaluation`. Of that evaluation, activation/NAME has the output of every convolution and
batch norm, averaged over positions (N, C), and the factors of every squeeze-and-excite gate (N, C). Of a training step without dropout it holds `logits_training`, `loss`,
gradient/NAME for every parameter and after/NAME for every running statistic. `losses` has the batch's losses during
Adam steps (twenty, five at full width; the first is before any step). If the configuration asks for dropout,
`dropout_mean` and `dropout_sd` describe the training logits over many draws.

The full-width configurations are made on demand. Their weights are first moved away from values at which rounding
decides a ReLU's sign. Their running statistics are set close to the batch's (settle.py). Adam takes smaller steps.

Usage: tools/parity/golden.py [--large] [--only NAME] [FOLDER]      (default: small configurations, to tests/golden)
"""

import argparse
import json
import multiprocessing
from pathlib import Path

import torch
from torch.nn import functional as F

import safetensors_file
from baselines import MODELS
from network import SeEcgNet, randomise
from settle import accustom, settle

SEEDS = 20
ADAM = dict(rate=1e-4, steps=20)
# At the rate of the small configurations a step would move 16 million weights, and with them the outputs, past kinks.
# At full width a step takes seconds in f64.
ADAM_FULL = dict(rate=1e-6, steps=5)
# Adam divides a gradient by its magnitude, so a gradient that is only rounding error moves its weight like any other.
# Rarely, two runs that start a rounding error apart differ clearly after twenty steps.
# Such a draw of weights tests nothing, and the next seed is used.
LOSS_SPREAD = 1e-4
GRADIENT_SPREAD = 3e-4

# network: arguments of SeEcgNet, or of the baseline that `model` names; n, length: the batch;
# draws: the number of draws of dropout; seed: the first seed to try.
SMALL = {
    "leads2_length720_tied": dict(
        network=dict(leads=2, classes=4, covariates=2, width=8, tied=True), n=6, length=720, loss="cross_entropy",
        draws=400, seed=20501),
    "leads3_length777_untied": dict(
        network=dict(leads=3, classes=5, covariates=0, width=4, tied=False), n=6, length=777, loss="bce",
        seed=21002),
    "leads8_length2048_tied": dict(
        network=dict(leads=8, classes=34, covariates=2, width=2, tied=True), n=4, length=2048, loss="focal",
        seed=20303),
    "leads12_length5000_untied": dict(
        network=dict(leads=12, classes=5, covariates=3, width=2, tied=False), n=2, length=5000, loss="bce",
        seed=20504),
    "resnet34_leads3_length301": dict(
        network=dict(model="resnet34", leads=3, classes=5, covariates=2, width=3), n=4, length=301,
        loss="cross_entropy"),
    "ecgnet_leads2_length300": dict(
        network=dict(model="ecgnet", leads=2, classes=4, covariates=3, width=3), n=4, length=300, loss="focal"),
    "ecgnet_leads8_length144": dict(
        network=dict(model="ecgnet", leads=8, classes=5, covariates=0, width=2), n=5, length=144, loss="bce"),
    "bircnn_leads3_beats5_length725": dict(
        network=dict(model="bircnn", leads=3, classes=4, covariates=13, beats=5, width=4), n=4, length=725,
        loss="cross_entropy"),
}
# The weights of the large configurations are settled (settle.py).
LARGE = {
    "leads2_length720_full": dict(
        network=dict(leads=2, classes=5, covariates=0, width=32, tied=False), n=8, length=720, loss="cross_entropy"),
    "leads8_length5000_full": dict(
        network=dict(leads=8, classes=34, covariates=2, width=32, tied=True), n=2, length=5000, loss="focal"),
    "leads12_length5000_full": dict(
        network=dict(leads=12, classes=5, covariates=2, width=32, tied=True), n=2, length=5000, loss="bce"),
    "resnet34_leads8_length2048_full": dict(
        network=dict(model="resnet34", leads=8, classes=34, covariates=0, width=64), n=2, length=2048, loss="focal"),
    "ecgnet_leads8_length2048_full": dict(
        network=dict(model="ecgnet", leads=8, classes=34, covariates=0, width=16), n=2, length=2048, loss="focal"),
    "bircnn_leads8_beats11_full": dict(
        network=dict(model="bircnn", leads=8, classes=34, covariates=22, beats=11, width=128), n=2, length=3971,
        loss="focal"),
}


def loss_of(kind, logits, targets):
    if kind == "cross_entropy":
        return F.cross_entropy(logits, targets.argmax(1), label_smoothing=0.1)
    if kind == "bce":
        return F.binary_cross_entropy_with_logits(logits, targets)
    # Focal loss of Lin et al. 2017, summed over classes, with alpha 0.25 and gamma 2.
    signs = 2 * targets - 1
    log_p = F.logsigmoid(signs * logits)
    alpha = torch.where(targets == 1, 0.25, 0.75)
    return -(alpha * (1 - log_p.exp()) ** 2 * log_p).sum()


def targets_of(kind, n, classes):
    if kind == "cross_entropy":
        return F.one_hot(torch.randint(classes, (n,)), classes).float()
    targets = (torch.rand(n, classes) < 0.2).float()
    targets[torch.arange(n), torch.randint(classes, (n,))] = 1  # each recording has at least one class
    return targets


def adam_losses(net, x, covariates, targets, kind, rate, steps):
    adam = torch.optim.Adam(net.parameters(), lr=rate)
    losses = []
    for _ in range(steps):
        adam.zero_grad()
        loss = loss_of(kind, net(x, covariates), targets)
        losses.append(loss.item())
        loss.backward()
        adam.step()
    return losses


def make(config, dropout):
    options = dict(config["network"])
    if "model" not in options:
        return SeEcgNet(**options, dropout=dropout)
    return MODELS[options.pop("model")](**options, dropout=dropout, length=config["length"])


def copy_of(net, config, dropout, dtype):
    twin = make(config, dropout).to(dtype)
    twin.load_state_dict(net.state_dict())
    return twin.train()


def activations_of(net, x, covariates):
    """Logits, and by name what convolutions and norms put out on average, and the gates' factors. A module that is
    called again has the suffix #2 and so on, as in secinspect."""
    found, calls, handles = {}, {}, []

    def note(name, values):
        calls[name] = calls.get(name, 0) + 1
        found[name if calls[name] == 1 else f"{name}#{calls[name]}"] = values

    for name, module in net.named_modules():
        if isinstance(module, (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            hook = lambda _, __, y, name=name: note(name, y.flatten(2).mean(2))
        elif name.endswith(".fc2"):
            hook = lambda _, __, y, name=name: note(name.removesuffix(".fc2"), torch.sigmoid(y))
        else:
            continue
        handles.append(module.register_forward_hook(hook))
    logits = net(x, covariates)
    for handle in handles:
        handle.remove()
    return logits, found


def single_gradients(initial, config, batch):
    """The gradients that PyTorch computes in f32, by name."""
    x, covariates, targets = (None if t is None else t.float() for t in batch)
    net = copy_of(initial, config, 0, torch.float32)
    loss_of(config["loss"], net(x, covariates), targets).backward()
    return {name: parameter.grad for name, parameter in net.named_parameters()}


def single_losses(initial, config, batch, adam):
    x, covariates, targets = (None if t is None else t.float() for t in batch)
    return adam_losses(copy_of(initial, config, 0, torch.float32), x, covariates, targets, config["loss"], **adam)


def write_golden(path, config, seed, large):
    torch.manual_seed(seed)
    options, kind = config["network"], config["loss"]
    adam = ADAM_FULL if large else ADAM
    net = randomise(make(config, 0))
    x = torch.randn(config["n"], options["leads"], config["length"]).bfloat16()
    covariates = torch.randn(config["n"], options["covariates"]) if options["covariates"] else None
    targets = targets_of(kind, config["n"], options["classes"])
    if large:
        if not settle(net, x.float(), covariates):
            print(f"{path}: seed {seed}: some ReLU's input stays almost 0: next seed", flush=True)
            return False
        accustom(net, x.float(), covariates)
    tensors = {"x": x, "targets": targets}
    if covariates is not None:
        tensors["covariates"] = covariates
        covariates = covariates.double()
    for name, tensor in net.state_dict().items():
        tensors["initial/" + name] = tensor.clone()

    initial = net.double()
    x, targets = x.double(), targets.double()
    initial.eval()
    tensors["logits_evaluation"], activations = activations_of(initial, x, covariates)
    for name, values in activations.items():
        tensors["activation/" + name] = values.contiguous()

    net = copy_of(initial, config, 0, torch.float64)
    logits = net(x, covariates)
    loss = loss_of(kind, logits, targets)
    loss.backward()
    tensors["logits_training"] = logits
    tensors["loss"] = loss.reshape(1)
    for name, parameter in net.named_parameters():
        tensors["gradient/" + name] = parameter.grad
    for name, buffer in net.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            tensors["after/" + name] = buffer
    losses = adam_losses(copy_of(initial, config, 0, torch.float64), x, covariates, targets, kind, **adam)
    tensors["losses"] = torch.tensor(losses, dtype=torch.float64)

    # The same results in PyTorch's own f32 arithmetic, for comparison.
    batch = (x, covariates, targets)
    singles = [single_gradients(initial, config, batch)]
    runs = [single_losses(initial, config, batch, adam)]
    if large:  # another order of sums, and another convolution algorithm
        backwards = [None if t is None else t.flip(0) for t in batch]
        singles.append(single_gradients(initial, config, backwards))
        runs.append(single_losses(initial, config, backwards, adam))
        with torch.backends.mkldnn.flags(enabled=False):
            singles.append(single_gradients(initial, config, batch))
    else:
        for _ in range(3):  # computed in f64, with weights changed by an f32 rounding error
            moved = copy_of(initial, config, 0, torch.float64)
            with torch.no_grad():
                for parameter in moved.parameters():
                    parameter.mul_(1 + torch.randn_like(parameter) * 1e-7)
            runs.append(adam_losses(moved, x, covariates, targets, kind, **adam))
    worst_gradient = max(
        ((gradients[name].double() - parameter.grad).norm() / parameter.grad.norm()).item()
        for gradients in singles
        for name, parameter in net.named_parameters()
    )
    worst_loss = max(abs(a - b) / abs(b) for run in runs for a, b in zip(run, losses))

    if any(not parameter.grad.any() for parameter in net.parameters()):
        print(f"{path}: seed {seed}: a gradient is all zero and would test nothing: next seed", flush=True)
        return False
    if worst_loss > LOSS_SPREAD or worst_gradient > GRADIENT_SPREAD:
        print(f"{path}: seed {seed}: rounding moves gradients by {worst_gradient:.1e} and "
              f"losses by {worst_loss:.1e}: next seed", flush=True)
        return False

    if config.get("draws"):
        net = copy_of(initial, config, 0.2, torch.float32)
        small = None if covariates is None else covariates.float()
        with torch.no_grad():
            draws = torch.stack([net(x.float(), small) for _ in range(config["draws"])]).double()
        tensors["dropout_mean"], tensors["dropout_sd"] = draws.mean(0), draws.std(0)

    metadata = {
        "made_by": f"tools/parity/golden.py, PyTorch {torch.__version__.split('+')[0]}",
        "network": json.dumps({**options, "length": config["length"]}),
        "loss": kind, "rate": str(adam["rate"]), "draws": str(config.get("draws", 0)),
        "worst_relative_gradient_error_of_pytorch_f32": f"{worst_gradient:.1e}",
        "worst_relative_loss_error_by_rounding": f"{worst_loss:.1e}",
    }
    stored = {
        name: tensor.float() if tensor.dtype == torch.float64 else tensor for name, tensor in tensors.items()
    }
    safetensors_file.write(path, stored, metadata)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, gradients of PyTorch's f32 within {worst_gradient:.1e}, "
          f"losses within {worst_loss:.1e}, losses {losses[0]:.4f} to {losses[-1]:.4f}", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--large", action="store_true", help="make the full-width configurations, tens of MB each")
    parser.add_argument("--only", help="make only this configuration")
    parser.add_argument("folder", nargs="?", default="tests/golden", type=Path)
    arguments = parser.parse_args()
    chosen = LARGE if arguments.large else SMALL
    if arguments.only and arguments.only not in chosen:
        parser.error(f"no configuration {arguments.only}; there are {', '.join(chosen)}")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    tasks = [
        (arguments.folder / f"{name}.safetensors", config, config.get("seed", 20201 + index), arguments.large)
        for index, (name, config) in enumerate(chosen.items())
        if arguments.only in (None, name)
    ]
    # The longest configurations start first, which balances the load of the two processes.
    tasks.sort(key=lambda task: -task[1]["n"] * task[1]["length"] * task[1]["network"]["leads"])
    with multiprocessing.get_context("spawn").Pool(min(2, len(tasks))) as pool:
        failed = [path for path in pool.imap_unordered(first_good, tasks) if path]
    if failed:
        raise SystemExit(f"{failed[0]}: no seed of {SEEDS} gives a well-conditioned case")


def first_good(task):
    path, config, seed, large = task
    torch.set_num_threads(1)  # makes the order of sums independent of the machine
    done = any(write_golden(path, config, seed + 100 * attempt, large) for attempt in range(SEEDS))
    return None if done else path


if __name__ == "__main__":
    main()
