"""Moves a network's weights a little, so that rounding to f32 cannot decide on which side of a kink anything is.

By rounding alone f32 gradients are off by some 1e-5 of their length, a hundred layers down too, unless some ReLU's
input is so near 0 that rounding decides its sign: then one element's part of the gradient is there or is not, which is
1 % of a tensor's length or more. Of the ten million such inputs of a full-width network a few always are. Here a bias
or a filter before that ReLU is moved by about 1 %, and the batch run again, until none is. A max pool has such a kink
where the largest two in its window are equal."""

import copy

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

MARGIN = 6  # of a tensor's f32 error, root mean square
MOVE = 0.01
ROUNDS = 300


def near(distances, margin):
    """The channels of (N, C, ...) in which something is nearer than that."""
    return (distances.amin([0, *range(2, distances.dim())]) < margin).nonzero()[:, 0]


def step_like(values):
    return (2 * torch.rand_like(values) - 1) * MOVE * values.abs().clamp(min=0.1)


class Kinks(TorchFunctionMode):
    """Listens to a forward pass and finds, for every ReLU and max pool, the distances to its kink, (N, C, ...), and the
    parameters whose entry c moves those of channel c. With margins, one for each kink, it moves a bias itself where a
    ReLU follows at once."""

    def __init__(self, margins=None):
        super().__init__()
        self.margins, self.found, self.moved = margins, [], False
        self.bias, self.filters, self.biased = [], [], None  # last used; what came of the bias

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
                if value.dim() == 1:  # of a norm: its weight, then its bias
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
    return torch.where(first == second, torch.inf, first - second)  # equal ones are zeros behind a ReLU: no gradient


def kinks_of(net, x, covariates, margins=None):
    with torch.no_grad(), Kinks(margins) as kinks:
        net(x, covariates)
    return kinks


def settle(net, x, covariates):
    """Whether it could be done. All is f32."""
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
    """Running statistics near the batch's in evaluation, set layer by layer, as in a trained network. Behind random ones
    a full-width signal grows from layer to layer, and f32 is off by 1e-4 in evaluation."""
    seen = set()

    def listen(norm, args):
        if norm in seen:  # a tied one keeps those of its first place
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
