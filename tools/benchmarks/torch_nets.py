"""PyTorch versions of the book's nets, with the same layers and parameters in the same order."""
import torch
from torch import nn


def lenet_bn():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.BatchNorm2d(6), nn.Sigmoid(), nn.MaxPool2d(2, 2),
        nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), nn.Sigmoid(), nn.MaxPool2d(2, 2), nn.Flatten(),
        nn.Linear(256, 120), nn.BatchNorm1d(120), nn.Sigmoid(),
        nn.Linear(120, 84), nn.BatchNorm1d(84), nn.Sigmoid(), nn.Linear(84, 10))


class Residual(nn.Module):
    def __init__(self, in_channels, num_channels, use_1x1conv=False, strides=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, num_channels, 3, strides, padding=1)
        self.conv2 = nn.Conv2d(num_channels, num_channels, 3, padding=1)
        self.bn1, self.bn2 = nn.BatchNorm2d(num_channels), nn.BatchNorm2d(num_channels)
        self.conv3 = nn.Conv2d(in_channels, num_channels, 1, strides) if use_1x1conv else None
        self.relu = nn.ReLU(inplace=True)

    def forward(self, X):
        Y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(X)))))
        if self.conv3 is not None:
            X = self.conv3(X)
        return self.relu(Y + X)


class DenseBlock(nn.Module):
    def __init__(self, in_channels, num_convs, num_channels):
        super().__init__()
        self.net = nn.ModuleList(
            nn.Sequential(*_norm_relu(in_channels + i * num_channels),
                          nn.Conv2d(in_channels + i * num_channels, num_channels, 3, padding=1))
            for i in range(num_convs))

    def forward(self, X):
        for blk in self.net:
            X = torch.cat((X, blk(X)), dim=1)
        return X


def _norm_relu(num_channels):
    return [nn.BatchNorm2d(num_channels), nn.ReLU(inplace=True)]


def _stem():
    return [nn.Conv2d(1, 64, 7, 2, padding=3), *_norm_relu(64), nn.MaxPool2d(3, 2, padding=1)]


def _head(num_channels):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(num_channels, 10)]


def resnet():
    layers, before = _stem(), 64
    for stage, num_channels in enumerate((64, 128, 256, 512)):
        for i in range(3):
            halves = stage > 0 and i == 0
            layers.append(Residual(before, num_channels, halves, 2 if halves else 1))
            before = num_channels
    return nn.Sequential(*layers, *_head(before))


def densenet():
    # As in the book, `count` is not halved after a transition, so the transitions output 96, 160
    # and 224 channels.
    layers, before, count = _stem(), 64, 64
    for i in range(4):
        layers.append(DenseBlock(before, 4, 32))
        before, count = before + 4 * 32, count + 4 * 32
        if i < 3:
            layers += [*_norm_relu(before), nn.Conv2d(before, count // 2, 1), nn.AvgPool2d(2, 2)]
            before = count // 2
    return nn.Sequential(*layers, *_norm_relu(before), *_head(before))


NETS = {'lenet_bn': lenet_bn, 'lenet_bn_gluon': lenet_bn, 'resnet': resnet, 'densenet': densenet}
