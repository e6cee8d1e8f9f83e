"""Changes a network's weights slightly, so that rounding to f32 cannot change the sign of any ReLU's input.

Rounding alone changes f32 gradients by about 1e-5 of their norm, even through a hundred layers.
But if rounding decides the sign of a ReLU's input near 0, one element of the gradient is either there or not.
That changes a tensor's gradient by 1 % or more. A full-width network has ten million ReLU inputs.
A few of them are always that close. This module changes a bias or a filter before such a ReLU by about 1 %.
It runs the batch again, until no input is too close. A max pool has such a kink at two equal largest values."""

import copy

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

MARGIN = 6  # times the RMS f32 error of a tensor
MOVE = 0.01
ROUNDS = 300


def near(distances, margin):
    """The channels of (N, C, ...) that have a distance below the margin."""
    return (distances.amin([0, *range(2, distances.dim())]) < margin).nonzero()[:, 0]


def step_like(values):
    return (2 * torch.rand_like(values) - 1) * MOVE * values.abs().clamp(min=0.1)


class Kinks(TorchFunctionMode):
    """Watches a forward pass. Collects, for every ReLU and max pool, the distances to the kink, (N, C, ...).
    Also collects the parameters whose entry c affects channel c. Margins, one per kink, are optional.
    With margins the bias is changed directly if a ReLU follows the norm at once."""

    def __init__(self, margins=None):
        super().__init__()
        self.margins, self.found, self.moved = margins, [], False
        self.bias, self.filters, self.biased = [], [], None  # the most recently used norm, and its output

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = function.__name__
        if name == "relu":
            if self.margins and args[0] is self.biased:
                self.clear(args[0], self.bias[0], self.margins[len(self.found)])
            self.found.append((args[0].abs(), self.bias + self.filters[-1:]))
        elif name == "max_pool1d":
            self.found.append((lead_of_the_largest(*args, **kwargs), self.filters))
        result = function(*args, **kwargs)
        for value in (*args, *kwargs.values()):
            if isinstance(value, torch.nn.Parameter):
                if value.dim() == 1:  # a norm uses its weight, then its bias
                    self.bias, self.biased = [value], result
                elif name in ("conv1d", "conv2d"):
                    self.filters = [*self.filters[-2:], value]
        return result

    def clear(self, x, bias, margin):
        for _ in range(100):
            channels = near(x.abs(), margin)
            if len(channels) == 0:
                return
            self.moved = True
            step = step_like(bias[channels])
            bias[channels] += step
            x[:, channels] += step.reshape(-1, *[1] * (x.dim() - 2))


def lead_of_the_largest(x, size, stride=None, padding=0, **_):
    windows = F.pad(x, (padding, padding), value=-torch.inf).unfold(2, size, stride or size)
    first, second = windows.topk(2).values.unbind(-1)
    return torch.where(first == second, torch.inf, first - second)  # equal values: zeros of a ReLU, without gradient


def kinks_of(net, x, covariates, margins=None):
    with torch.no_grad(), Kinks(margins) as kinks:
        net(x, covariates)
    return kinks


def settle(net, x, covariates):
    """Changes the weights of `net` as described above, in f32. Returns whether it succeeded."""
    twin = copy.deepcopy(net).train()
    wide = None if covariates is None else covariates.double()
    exact = kinks_of(copy.deepcopy(twin).double(), x.double(), wide)
    margins = []
    for (a, _), (b, _) in zip(exact.found, kinks_of(twin, x, covariates).found):
        off = torch.where(a.isfinite() & b.isfinite(), a - b, 0)
        margins.append(MARGIN * off.square().mean().sqrt().item())
    for _ in range(ROUNDS):
        kinks = kinks_of(twin, x, covariates, margins)
        moved = kinks.moved
        for (distances, movers), margin in zip(kinks.found, margins):
            channels = near(distances, margin)
            for mover in movers if len(channels) else []:
                moved = True
                if len(mover) == distances.shape[1]:
                    with torch.no_grad():
                        mover[channels] += step_like(mover[channels])
        if not moved:
            with torch.no_grad():
                for parameter, settled in zip(net.parameters(), twin.parameters()):
                    parameter.copy_(settled)
            return True
    return False


def accustom(net, x, covariates):
    """Sets the running statistics close to the batch's, layer by layer in evaluation mode, as in a trained network.
    With random statistics a full-width signal grows from layer to layer, and f32 is off by 1e-4 in evaluation."""
    seen = set()

    def listen(norm, args):
        if norm in seen:  # a shared norm keeps the statistics of its first use
            return
        seen.add(norm)
        variance, mean = torch.var_mean(args[0], [0, *range(2, args[0].dim())])
        norm.running_mean.copy_(mean + 0.1 * torch.randn_like(mean) * variance.sqrt())
        norm.running_var.copy_(variance * (0.8 + 0.4 * torch.rand_like(variance)))

    hooks = [norm.register_forward_pre_hook(listen) for norm in net.modules() if hasattr(norm, "running_mean")]
    with torch.no_grad():
        net.eval()(x, covariates)
    for hook in hooks:
        hook.remove()
