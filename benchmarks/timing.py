"""Clocks for workers, and the part of a step that is the network itself."""
import time


class Clock:
    """Seconds between calls of `lap`."""

    def __init__(self):
        self._start = time.perf_counter()

    def lap(self):
        now = time.perf_counter()
        seconds, self._start = now - self._start, now
        return seconds


def core(net, X, n):
    """Forward and backward of an MXNet `net`, n times on the batch X, to the end.

    A step without this is what is outside the network: data, loss, metrics and update.
    """
    from mxnet import autograd, nd
    dY, pending = None, []
    for _ in range(n):
        with autograd.record():
            Y = net(X)
        dY = nd.ones_like(Y) / Y.size if dY is None else dY
        Y.backward(dY)
        pending.append(Y)
        if len(pending) > 2:  # as in training, not to queue all of it
            pending.pop(0).wait_to_read()
    nd.waitall()
