"""SE-ECGNet in PyTorch, as an independent implementation: written from docs/network.md with PyTorch's modules.
The layout is PyTorch's, (N, C, H, L). The module tree gives the names in the state dict. No code is the engine's."""

import torch
from torch import nn
from torch.nn import functional as F


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
    def __init__(self, channels, k, stride, convs, dropout, downsample=None):
        super().__init__()
        self.convs = convs
        for i in range(1, convs + 1):
            conv = nn.Conv2d(
                channels, channels, (1, k), stride=(1, stride if i == 1 else 1), padding=(0, k // 2), bias=False
            )
            self.add_module(f"bn{i}", nn.BatchNorm2d(channels))
            self.add_module(f"conv{i}", conv)
        self.dropout = nn.Dropout(dropout)
        self.se = SqueezeExcite(channels)
        self.downsample = downsample

    def forward(self, x):
        y = self.conv1(F.relu(self.bn1(x)))
        for i in range(2, self.convs + 1):
            y = self.dropout(F.relu(getattr(self, f"bn{i}")(y)))
            y = getattr(self, f"conv{i}")(y)
        y = self.se(y)
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Block1d(nn.Module):
    def __init__(self, channels, k, dropout, downsample):
        super().__init__()
        for i in range(1, 5):
            conv = nn.Conv1d(channels, channels, k, stride=2 if i == 1 else 1, padding=k // 2, bias=False)
            self.add_module(f"bn{i}", nn.BatchNorm1d(channels))
            self.add_module(f"conv{i}", conv)
        self.dropout = nn.Dropout(dropout)
        self.se1 = SqueezeExcite(channels)
        self.se2 = SqueezeExcite(channels)
        self.downsample = downsample

    def forward(self, x):
        y = self.se1(self.conv1(F.relu(self.bn1(x)))) + self.downsample(x)
        z = y
        for i in range(2, 5):
            z = self.dropout(F.relu(getattr(self, f"bn{i}")(z)))
            z = getattr(self, f"conv{i}")(z)
        return F.relu(self.se2(z) + y)


class SeEcgNet(nn.Module):
    def __init__(self, leads, classes, covariates=0, width=32, tied=True, dropout=0.2):
        super().__init__()

        def downsamples(count, channels, dims):
            first = Downsample(channels, dims)
            return [first if tied or i == 0 else Downsample(channels, dims) for i in range(count)]

        self.conv1 = nn.Conv2d(1, width, (1, 50), stride=(1, 2), bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.block1 = nn.Sequential(*[Block2d(width, 15, 2, 1, dropout, d) for d in downsamples(3, width, 2)])
        self.block2_list = nn.ModuleList()
        self.block3_list = nn.ModuleList()
        for k in (3, 5, 7):
            self.block2_list.append(nn.Sequential(*[Block2d(width, k, 1, 3, dropout) for _ in range(4)]))
            c1 = width * leads
            self.block3_list.append(
                nn.Sequential(*[Block1d(c1, k, dropout, d) for d in downsamples(4, c1, 1)])
            )
        self.fc = nn.Linear(3 * width * leads + covariates, classes)

    def forward(self, x, covariates=None):  # (N, H, L), (N, K)
        y = F.relu(self.bn1(self.conv1(x.unsqueeze(1))))  # (N, C, H, L)
        y = self.block1(y)
        features = []
        for per_lead, all_leads in zip(self.block2_list, self.block3_list):
            z = per_lead(y)
            z = all_leads(z.reshape(z.shape[0], -1, z.shape[-1]))  # (N, C * H, L)
            features.append(z.mean(2))
        if covariates is not None:
            features.append(covariates)
        return self.fc(torch.cat(features, 1))


def randomise(net):
    """Draws every parameter and statistic, exact in f32.
    None stays at 0 or 1, so that a wrong order of channels changes the results."""
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if ".bn" in name or name.startswith("bn") or ".downsample.1." in name:
                parameter.copy_(
                    torch.rand_like(parameter) + 0.5 if name.endswith("weight") else torch.randn_like(parameter) * 0.2
                )
            elif ".fc1." in name:  # keeps the few ReLUs that follow active
                parameter.copy_(
                    torch.rand_like(parameter) + 1 if name.endswith("bias") else torch.randn_like(parameter) * 0.1
                )
            elif name.endswith("bias") or "bias_" in name:  # bias_ih and bias_hh are those of an LSTM
                parameter.copy_(torch.randn_like(parameter) * 0.3)
            else:
                nn.init.kaiming_uniform_(parameter)
        for name, buffer in net.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(torch.randn_like(buffer) * 0.3)
            elif name.endswith("running_var"):
                buffer.copy_(torch.rand_like(buffer) + 0.5)
            else:
                buffer.copy_(torch.randint(1, 1000, ()))  # num_batches_tracked
    return net
