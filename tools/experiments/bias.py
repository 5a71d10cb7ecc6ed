"""A bias before a norm has gradient 0: the norm takes every constant away with the mean."""
from typing import NamedTuple

import numpy as np
from mxnet import autograd, gluon

from .common import table


class Row(NamedTuple):
    """The largest absolute gradients, over a batch, of a layer's weight and bias."""

    dtype: str
    model: str
    layer: str
    has_norm: bool
    weight: float
    bias: float


def run(settings):
    X, y = next(iter(settings.loaders(settings.pick(256, 64))[0]))
    rows = []
    for dtype in ('float32', 'float64'):
        for model in ('lenet', 'lenet_bn'):
            net = settings.new_net(model)
            net(X[:1])  # the weights are drawn, in float32
            net.cast(dtype)
            with autograd.record():
                l = gluon.loss.SoftmaxCrossEntropyLoss()(net(X.astype(dtype)), y).mean()
            l.backward()
            layers = [layer for layer in net if hasattr(layer, 'weight')]
            rows += [Row(dtype, model, layer.name.split('_', 1)[1],
                         model == 'lenet_bn' and layer is not layers[-1],
                         *[float(np.abs(param.grad().asnumpy()).max())
                           for param in (layer.weight, layer.bias)]) for layer in layers]
    return rows


def report(rows):
    heads = ('numbers', 'model', 'layer', 'norm behind it', 'weight: largest |gradient|',
             'bias: largest |gradient|')
    return table(heads, [row[:3] + ('yes' if row.has_norm else 'no', '%.1e' % row.weight,
                                    '%.1e' % row.bias) for row in rows], left=(0, 1, 2, 3))
