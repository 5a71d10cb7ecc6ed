"""The moving averages of a net's norms: read, replaced, and measured anew."""
import contextlib

from mxnet import autograd, nd
from mxnet.gluon import nn


def norms(net):
    """The batch normalization layers of `net`, ours and Gluon's, in order."""
    found = []
    net.apply(lambda block: found.append(block) if isinstance(block, nn.BatchNorm) else None)
    return found


def pair(norm):
    """The parameters of the moving mean and the moving variance of a layer."""
    return [norm.running_mean, norm.running_var]


@contextlib.contextmanager
def as_they_are(net):
    """A context that gives the net's layers with their averages, as NDArrays; what is done to the
    averages within is undone after it."""
    nd.waitall()
    kept = [(norm, [param.data().copy() for param in pair(norm)]) for norm in norms(net)]
    try:
        yield kept
    finally:
        nd.waitall()
        for norm, values in kept:
            replace(norm, *values)


def replace(norm, mean, var):
    for param, value in zip(pair(norm), (mean, var)):
        param.set_data(value)


def without_start(mean, var, left, start_var=0):
    """Averages without what is `left`, momentum^k, of where they started: 0 and `start_var`."""
    return mean / (1 - left), (var - left * start_var) / (1 - left)


def measure_anew(net, X):
    """Set the averages of a net that is not hybridized to the statistics that the batch X has by
    the weights as they are."""
    layers = norms(net)
    before = [layer._kwargs['momentum'] for layer in layers]
    for layer in layers:
        layer._kwargs['momentum'] = 0.0
    with autograd.record():
        Y = net(X)
    Y.backward()  # Gluon's own layers move their averages there
    nd.waitall()
    for layer, momentum in zip(layers, before):
        layer._kwargs['momentum'] = momentum
