"""The baselines in PyTorch, as an independent implementation: written from docs/baselines.md with PyTorch's modules.
The layout is PyTorch's, (N, C, L). The module trees give the names in the state dicts. No code is the engine's."""

import torch
from torch import nn
from torch.nn import functional as F


class ResNetBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, dropout):
        super().__init__()
        self.conv1 = nn.Conv1d(inputs, outputs, 7, stride=stride, padding=3, bias=False)
        self.bn1 = nn.BatchNorm1d(outputs)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv1d(outputs, outputs, 7, padding=3, bias=False)
        self.bn2 = nn.BatchNorm1d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv1d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm1d(outputs)
            )

    def forward(self, x):
        y = self.dropout(F.relu(self.bn1(self.conv1(x))))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet34(nn.Module):
    def __init__(self, leads, classes, covariates=0, width=64, dropout=0.2, length=None):
        super().__init__()
        self.conv1 = nn.Conv1d(leads, width, 15, stride=2, padding=7, bias=False)
        self.bn1 = nn.BatchNorm1d(width)
        self.pool = nn.MaxPool1d(3, stride=2, padding=1)
        channels = width
        for stage, count in enumerate((3, 4, 6, 3)):
            outputs = width * 2**stage
            blocks = []
            for i in range(count):
                blocks.append(ResNetBlock(channels, outputs, 2 if stage > 0 and i == 0 else 1, dropout))
                channels = outputs
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels + covariates, classes)

    def forward(self, x, covariates=None):  # (N, H, L), (N, K)
        y = self.pool(F.relu(self.bn1(self.conv1(x))))
        y = self.layer4(self.layer3(self.layer2(self.layer1(y)))).mean(2)
        return self.fc(y if covariates is None else torch.cat([y, covariates], 1))


class EcgNetBlock(nn.Module):
    def __init__(self, inputs, outputs, pools, dropout):
        super().__init__()
        self.bn1 = nn.BatchNorm1d(inputs)
        self.conv1 = nn.Conv1d(inputs, outputs, 17, padding=8, bias=False)
        self.bn2 = nn.BatchNorm1d(outputs)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv1d(outputs, outputs, 17, padding=8, bias=False)
        self.shortcut = nn.Conv1d(inputs, outputs, 1, bias=False) if inputs != outputs else nn.Identity()
        self.pool = nn.MaxPool1d(2) if pools else nn.Identity()

    def forward(self, x):
        y = self.conv1(F.relu(self.bn1(x)))
        y = self.conv2(self.dropout(F.relu(self.bn2(y))))
        return self.pool(y) + self.pool(self.shortcut(x))


class EcgNet(nn.Module):
    def __init__(self, leads, classes, covariates=0, width=16, dropout=0.1, length=5000):
        super().__init__()
        self.parallel = nn.ModuleList(nn.Conv1d(leads, width, k, bias=False) for k in (15, 17, 19, 21))
        self.bn1 = nn.BatchNorm1d(width)
        self.conv1 = nn.Conv1d(width, width, 17, stride=2, padding=2, bias=False)
        self.blocks = nn.Sequential()
        channels = width
        for i in range(1, 16):
            outputs = channels + (width if i % 4 == 0 else 0)
            self.blocks.append(EcgNetBlock(channels, outputs, i % 2 == 0, dropout))
            channels = outputs
        self.bn2 = nn.BatchNorm1d(channels)
        self.lstm = nn.LSTM(leads, width * 5 // 2, batch_first=True)
        with torch.no_grad():  # the number of features
            features = self.eval().features(torch.zeros(1, leads, length)).shape[1]
        self.train()
        self.fc = nn.Linear(features + covariates, classes)

    def features(self, x):
        y = torch.cat([conv(x) for conv in self.parallel], 2)
        y = self.blocks(self.conv1(F.relu(self.bn1(y))))
        y = F.relu(self.bn2(y))
        y = F.avg_pool1d(y, 8, 8, 2) if y.shape[2] >= 4 else y.mean(2, keepdim=True)
        _, (last, _) = self.lstm(x.transpose(1, 2))
        return torch.cat([y.flatten(1), last[-1]], 1)

    def forward(self, x, covariates=None):
        y = self.features(x)
        return self.fc(y if covariates is None else torch.cat([y, covariates], 1))


class BiRcnnStack(nn.Module):
    def __init__(self, leads, width, dropout, samples):
        super().__init__()
        self.conv1 = nn.Conv1d(leads, width, 36, bias=False)
        self.conv2 = nn.Conv1d(width, width, 36, bias=False)
        self.conv3 = nn.Conv1d(width, width, 36, bias=False)
        self.pool = nn.MaxPool1d(16)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(
            (samples - 105) // 16 * width, width, 2, batch_first=True, bidirectional=True, dropout=dropout / 2
        )

    def forward(self, x):  # (N, B, H, L)
        y = x.flatten(0, 1)
        for conv in (self.conv1, self.conv2, self.conv3):
            y = F.relu(conv(y))
        y = self.dropout(self.pool(y))
        return last_states(self.lstm, y.reshape(x.shape[0], x.shape[1], -1))


def last_states(lstm, x):
    _, (last, _) = lstm(x)
    return torch.cat([last[-2], last[-1]], 1)


class BiRcnn(nn.Module):
    def __init__(self, leads, classes, covariates, beats, width=128, dropout=0.5, length=3971):
        super().__init__()
        self.beats = beats
        self.stack1 = BiRcnnStack(leads, width, dropout, length // beats)
        self.stack2 = BiRcnnStack(leads, width, dropout, length // beats)
        self.intervals = nn.LSTM(2, width, 2, batch_first=True, bidirectional=True, dropout=dropout / 2)
        self.fc = nn.Linear(6 * width + covariates - 2 * beats, classes)

    def forward(self, x, covariates):  # (N, H, B * L), (N, 2 B + more)
        n, leads, length = x.shape
        beats = x.reshape(n, leads, self.beats, length // self.beats).transpose(1, 2)
        intervals, more = covariates.split([2 * self.beats, covariates.shape[1] - 2 * self.beats], 1)
        rhythm = last_states(self.intervals, intervals.reshape(n, self.beats, 2))
        return self.fc(torch.cat([self.stack1(beats), self.stack2(beats), rhythm, more], 1))


MODELS = {"resnet34": ResNet34, "ecgnet": EcgNet, "bircnn": BiRcnn}
