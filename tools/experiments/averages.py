"""The running statistics of a net's norms: read, replaced, and measured again."""
import contextlib

from mxnet import autograd, nd
from mxnet.gluon import nn


def norms(net):
    """The batch normalization layers of `net`, ours and Gluon's, in order."""
    found = []
    net.apply(lambda block: found.append(block) if isinstance(block, nn.BatchNorm) else None)
    return found


@contextlib.contextmanager
def as_they_are(net):
    """A context that gives [(layer, [mean, variance])], copies of the running statistics.

    Changes to the running statistics within the context are undone after it.
    """
    nd.waitall()
    saved = [(norm, [norm.running_mean.data().copy(), norm.running_var.data().copy()])
             for norm in norms(net)]
    try:
        yield saved
    finally:
        nd.waitall()
        for norm, values in saved:
            replace(norm, *values)


def replace(norm, mean, var):
    norm.running_mean.set_data(mean)
    norm.running_var.set_data(var)


def without_start(mean, var, left, start_var=0):
    """Running statistics without the rest of their start, 0 and `start_var`; `left`, momentum^k, is
    the weight that the start still has."""
    return mean / (1 - left), (var - left * start_var) / (1 - left)


def measure_anew(net, X):
    """Set the running statistics of a net that is not hybridized to those of the batch X, computed
    with the current weights."""
    layers = norms(net)
    before = [layer._kwargs['momentum'] for layer in layers]
    for layer in layers:
        layer._kwargs['momentum'] = 0.0
    with autograd.record():
        Y = net(X)
    Y.backward()  # Gluon's own layers update their statistics there
    nd.waitall()
    for layer, momentum in zip(layers, before):
        layer._kwargs['momentum'] = momentum
