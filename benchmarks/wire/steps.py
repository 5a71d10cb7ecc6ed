"""Steps that are timed within the training loop, and the exchange by itself."""
import gluonblocks as gb  # first: it sets MXNet's threads

import mxnet as mx  # isort: skip
import numpy as np  # isort: skip
from mxnet import gluon, nd  # isort: skip

from ..timing import Clock


class Steps:
    """What is given to the training loop as its batches, all of them the same: `seconds` are those
    of a step, for each round, after two steps that do not count.

    `meet()` waits for whoever takes part, and `agree(number)` is the first one's number for all.
    """

    def __init__(self, X, y, settings, meet=lambda: None, agree=lambda number: number):
        self._batch, self._settings, self._meet, self._agree = (X, y), settings, meet, agree
        self.seconds = []

    def __iter__(self):
        yield self._batch  # which makes the graphs
        clock = self._begin()
        yield self._batch
        nd.waitall()
        self.count = self._agree(self._settings['times'](clock.lap()))
        self.before()
        for _ in range(self._settings['rounds']):
            clock = self._begin()
            for _ in range(self.count):
                yield self._batch
            nd.waitall()
            self.seconds.append(clock.lap() / self.count)
        self._meet()
        self.after()

    def _begin(self):
        nd.waitall()
        self._meet()
        return Clock()

    def before(self):
        """Before the first step that counts."""

    def after(self):
        """After the last one, everywhere."""


def settings_of(spec):
    """The `settings` of Steps, by how long a round is to take and how many there are."""
    def times(seconds):
        return int(max(1, min(spec['max_steps'], round(spec['seconds'] / seconds))))
    return {'rounds': spec['rounds'], 'times': times}


class Training:
    """A model with its batch of so many `images`."""

    def __init__(self, model, images):
        side = gb.get_recipe(model).resize or 28
        rng = np.random.RandomState(0)
        self.X = nd.array(rng.rand(images, 1, side, side)) if images else None
        self.y = nd.array(np.arange(images) % 10) if images else None
        self._test = [(nd.zeros((1, 1, side, side)), nd.zeros(1))]
        self.net = gb.get_model(model)
        self.net.hybridize(static_alloc=True)
        self.start()
        self.net(self._test[0][0])  # which gives all parameters their shapes

    def start(self):
        """Give the net its first weights, the same for all."""
        mx.random.seed(0)
        self.net.initialize(mx.init.Xavier(), force_reinit=True)

    def run(self, steps, batch_size, make_trainer=gluon.Trainer, **workers):
        """Train by `steps`, a `Steps`, as `train_ch5` does."""
        trainer = make_trainer(self.net.collect_params(), 'sgd', {'learning_rate': 0.001})
        gb.train_ch5(self.net, steps, self._test, batch_size, trainer, mx.cpu(), 1, **workers)


class Nowhere:
    """Stands in for a KVStore and sends nothing; `sizes` has the numbers of each array pushed."""

    def __init__(self):
        self.sizes = {}

    def init(self, key, array):
        self.sizes[key] = array.size

    def push(self, key, array, priority=0):
        pass

    def pull(self, key, out, priority=0):
        pass


def gradients_like(net):
    """Zeros in the shapes of the gradients of `net`, in its Trainer's order."""
    params = gluon.Trainer(net.collect_params(), 'sgd', kvstore=None)._params
    return [nd.zeros(param.shape) for param in params if param.grad_req != 'null']


def exchange_seconds(exchange, gradients, settings, meet=lambda: None,
                     agree=lambda number: number):
    """Seconds of an exchange of `gradients` by itself, for each round."""
    def times(count):
        meet()
        clock = Clock()
        for _ in range(count):
            exchange.sum_gradients(gradients, 1 / 256)
            nd.waitall()
        return clock.lap() / count
    nd.waitall()
    times(1)  # which makes the keys
    count = agree(settings['times'](times(1)))
    return [times(count) for _ in range(settings['rounds'])]
