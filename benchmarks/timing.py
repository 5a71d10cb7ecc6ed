"""Clocks for workers, and the part of a step that is the network itself."""
import time


class Clock:
    """Seconds between calls of `lap`; `cpu` is the processor time of this process in them.

    Processor time is that of all threads, those that wait actively included; other processes do not
    make it much longer. What processes that this one started take is not in it.
    """

    def __init__(self):
        self._start, self._cpu, self.cpu = time.perf_counter(), time.process_time(), 0.0

    def lap(self):
        now, cpu = time.perf_counter(), time.process_time()
        seconds, self._start = now - self._start, now
        self.cpu, self._cpu = cpu - self._cpu, cpu
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
