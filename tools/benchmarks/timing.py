"""Clocks for workers, and the rounds that training workers serve."""
import time


class Clock:
    """Seconds between calls of `lap`; `cpu` is the processor time of this process in them.

    Processor time covers all threads, also those that wait actively; other processes hardly
    lengthen it. It does not cover processes that this one started.
    """

    def __init__(self):
        self._start, self._cpu, self.cpu = time.perf_counter(), time.process_time(), 0.0

    def lap(self):
        now, cpu = time.perf_counter(), time.process_time()
        seconds, self._start = now - self._start, now
        self.cpu, self._cpu = cpu - self._cpu, cpu
        return seconds


def serve_rounds(requests, training):
    """Answer rounds by the methods `core`, `train` and `evaluate` of `training`.

    Each method takes a number of batches and returns the number of images. The answer has
    [seconds, images] of each, and "cpu" with the processor time of training. The network alone
    (`core`) runs before the training and after it, so that a slow machine slows both.
    """
    for request in requests:
        answer = {}
        training.core(request['warm'])
        for what in ('core', 'train', 'core', 'evaluate'):
            clock, total = Clock(), answer.setdefault(what, [0, 0])
            images = getattr(training, what)(request[what])
            total[0] += clock.lap()
            total[1] += images
            if what == 'train':
                answer['cpu'] = [clock.cpu, images]
        requests.answer(**answer)


def serve_predictions(requests, predict, shape):
    """Answer [seconds, images] of `predict`, from a NumPy array to a NumPy array; `shape` is that
    of an image, (C, H, W)."""
    import numpy as np
    for request in requests:
        X = np.random.RandomState(0).rand(request['batch'], *shape).astype('float32')
        predict(X)
        clock = Clock()
        for _ in range(request['predict']):
            predict(X)
        count = request['predict'] * len(X)
        requests.answer(predict=[clock.lap(), count], cpu=[clock.cpu, count])


def core(net, X, n):
    """Run forward and backward of an MXNet `net` n times on the batch X, to the end.

    The rest of a training step is outside the network: data, loss, metrics and update.
    """
    from mxnet import autograd, nd
    dY, pending = None, []
    for _ in range(n):
        with autograd.record():
            Y = net(X)
        dY = nd.ones_like(Y) / Y.size if dY is None else dY
        Y.backward(dY)
        pending.append(Y)
        if len(pending) > 2:  # as in training, so that not all of it is queued
            pending.pop(0).wait_to_read()
    nd.waitall()
    return n * len(X)
