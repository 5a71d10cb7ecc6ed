"""Train with gluonblocks' `train_model`, as scripts/train.py does, and make predictions."""
import itertools
import json
import os
import platform

import numpy as np

import gluonblocks as gb  # first: it sets MXNet's threads
from gluonblocks.data.batches import BatchLoader
from gluonblocks.data.datasets import get_dataset
from gluonblocks.graphs import Net, passes
from gluonblocks.graphs.kernels import build

import mxnet as mx  # isort: skip
from mxnet import gluon, nd  # isort: skip

from ..timing import Clock, serve_predictions
from .parts import StepParts

if os.environ.get('GLUONBLOCKS_BENCHMARK_MARCH'):  # see `machine.LIMITS`
    build.FLAGS = tuple(flag.replace('native', os.environ['GLUONBLOCKS_BENCHMARK_MARCH'])
                        for flag in build.FLAGS)


def probe(requests, dataset, data_root, folder):
    """Save the data set in `folder`; report settings for all variants, such as learning rates."""
    loaders = get_dataset(dataset).load_from(data_root, 256, seed=0)
    for part, loader in zip(('train', 'test'), loaders):
        np.save(os.path.join(folder, part + '-images.npy'), loader.images)
        np.save(os.path.join(folder, part + '-labels.npy'), loader.labels)
    names = gb.list_models()
    requests.answer(
        threads=int(os.environ['OMP_NUM_THREADS']),
        num_train=len(loaders[0].images), num_test=len(loaders[1].images),
        resize={name: gb.get_recipe(name).resize for name in names},
        lr={name: gb.get_recipe(name).lr for name in names},
        versions={'Python': platform.python_version(), 'NumPy': np.__version__,
                  'MXNet': mx.__version__, 'gluonblocks': gb.__version__})


def train(requests, model, batch_size, dataset, data_root, without=None, parts=False, **options):
    """Call `gb.train_model` with `options`, and answer each of `requests` by timing one epoch.

    Each request sets the numbers of training and evaluation batches in an epoch. `without` names a
    graph pass to skip. If `parts` is true, MXNet finishes each part of a step before the next part
    begins, and the answers contain the time of each part: see `StepParts`.
    """
    remove_pass(without)
    rounds = _Rounds(requests)

    def benchmark_net(**kwargs):
        net = gb.get_model(model, **kwargs)
        rounds.parts = StepParts(requests, net) if parts else None
        return net

    def benchmark_data(batch_size, resize=None, seed=None):
        train, test = get_dataset(dataset).load_from(data_root, batch_size, resize=resize,
                                                     seed=seed)
        return (_RequestedBatches(train, lambda: rounds.training(train)),
                _RequestedBatches(test, lambda: rounds.evaluating(test)))

    gb.register(**gb.get_recipe(model)._asdict())(benchmark_net)
    gb.register_dataset('benchmark', benchmark_data, [str(i) for i in range(10)])
    try:
        gb.train_model('benchmark_net', epochs=10 ** 9, batch_size=batch_size, seed=0,
                       dataset='benchmark', ctx='cpu', **options)
    except EOFError:  # there are no more requests
        pass


class _Rounds:
    """Feed the requested batches to the training loop, and time each round."""

    parts = None

    def __init__(self, requests):
        self._requests, self._pending, self._clock = requests, iter(requests), Clock()
        self._answer, self._request, self._endless = None, None, {}

    def training(self, loader):
        if self._answer is None:
            self._requests.answer()
        else:  # the epoch is over, and the loop has read its results
            self._answer['evaluate'] = [self._clock.lap(), self._images]
            self._requests.answer(**self._answer)
        self._request = next(self._pending, None)
        if self._request is None:
            raise EOFError
        self._answer = {}
        yield from self._take(loader, self._request.get('warm', 0))
        nd.waitall()
        if self.parts:
            self.parts.reset()
        self._clock.lap()
        for X, y in self._take(loader, self._request['train']):
            yield X, y
            if self.parts:
                self.parts.done('metrics')

    def evaluating(self, loader):
        # Reading the loss waits only for the forward pass, so also wait for the last backward pass
        # and update.
        nd.waitall()
        self._answer['train'] = [self._clock.lap(), self._images]
        self._answer['cpu'] = [self._clock.cpu, self._images]
        if self.parts:
            self._answer.update(self.parts.times(self._request['train']),
                                parts=[self.parts.seconds, self._images])
        self._clock.lap()
        yield from self._take(loader, self._request['evaluate'])

    def _take(self, loader, n):
        self._images = 0
        endless = self._endless.setdefault(loader, itertools.chain.from_iterable(
            itertools.repeat(loader)))
        for X, y in itertools.islice(endless, n):
            self._images += X.shape[0]
            yield X, y


class _RequestedBatches(BatchLoader):
    """A copy of `loader` that yields the batches from the function `batches` instead of its own."""

    def __init__(self, loader, batches):
        vars(self).update(vars(loader), batches=batches)

    def __iter__(self):
        return self.batches()


def predict(requests, model, without=None):
    """Answer requests to time predictions of the hybridized net."""
    remove_pass(without)
    net, shape = _prepare(gb.get_model(model), model)
    requests.answer()
    serve_predictions(requests, _prediction(net), shape)


def empty(requests, model):
    """Answer requests to time a graph with as many nodes as the model's that outputs one number."""
    net, shape = _prepare(gb.get_model(model), model)
    graph = json.loads(net.graph_for((1, *shape), training=False).tojson())
    nodes = sum(node['op'] != 'null' for node in graph['nodes'])

    class Empty(gluon.HybridBlock):
        def hybrid_forward(self, F, X):
            X = F.slice(X, begin=(0, 0, 0, 0), end=(1, 1, 1, 1))
            for _ in range(nodes - 1):
                X = X * 1.5
            return X
    chain = Net()
    chain.add(Empty())
    _prepare(chain, model)
    requests.answer(nodes=nodes)
    serve_predictions(requests, _prediction(chain), shape)


def _prediction(net):
    """Return a function that runs `net` on a NumPy array and returns a NumPy array."""
    def run(images):
        # Keep X until the output has been read. To free an array from `from_numpy`, MXNet calls a
        # Python function; if its engine does that while Python waits, a prediction takes 20 % more.
        X = nd.from_numpy(images)
        return net(X).asnumpy()
    return run


def _prepare(net, model):
    """Initialize and hybridize `net`, and run it once; return (net, image shape)."""
    shape = (1,) + 2 * (gb.get_recipe(model).resize or 28,)
    net.initialize(init=mx.init.Xavier())
    net.hybridize(static_alloc=True)
    net(nd.zeros((1, *shape)))
    return net, shape


def remove_pass(name):
    """Remove the graph pass `name` from the lists of training and prediction passes."""
    for listed in (passes.TRAINING, passes.PREDICTION):
        listed[:] = [each for each in listed if each.__name__ != name]
