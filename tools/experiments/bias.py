"""The gradient of a bias before batch normalization is 0: subtracting the mean cancels the bias."""
import numpy as np
from mxnet import autograd, gluon

from .common import table


def run(settings):
    """Return the largest absolute gradients of the weight and the bias of each layer, as rows.

    A row is (data type, model, layer, True if batch norm follows, weight gradient, bias gradient).
    The gradients are computed from the mean loss of one batch.
    """
    X, y = next(iter(settings.loaders(settings.pick(256, 64))[0]))
    rows = []
    for dtype in ('float32', 'float64'):
        for model in ('lenet', 'lenet_bn'):
            net = settings.new_net(model)
            net(X[:1])  # initializes the weights, in float32
            net.cast(dtype)
            with autograd.record():
                l = gluon.loss.SoftmaxCrossEntropyLoss()(net(X.astype(dtype)), y).mean()
            l.backward()
            layers = [layer for layer in net if hasattr(layer, 'weight')]
            rows += [(dtype, model, layer.name.split('_', 1)[1],
                      model == 'lenet_bn' and layer is not layers[-1],
                      *[float(np.abs(param.grad().asnumpy()).max())
                        for param in (layer.weight, layer.bias)]) for layer in layers]
    return rows


def report(rows):
    heads = ('type', 'model', 'layer', 'norm after it', 'weight: largest |gradient|',
             'bias: largest |gradient|')
    return table(heads, [(*names, 'yes' if has_norm else 'no', '%.1e' % weight, '%.1e' % bias)
                         for *names, has_norm, weight, bias in rows], left=(0, 1, 2, 3))
