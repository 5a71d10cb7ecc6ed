"""gluonblocks, trained by `gluonblocks.train_model` as scripts/train.py does, and predicting."""
import os
import platform

import numpy as np

import gluonblocks as gb  # first: it sets MXNet's threads
from gluonblocks.data.batches import BatchLoader
from gluonblocks.data.datasets import get_dataset
from gluonblocks.graphs import passes

import mxnet as mx  # isort: skip

from ..timing import Clock, core, serve_predictions


def probe(requests, dataset, data_root, folder):
    """Write the data set's arrays into `folder`, for variants that do not read it themselves."""
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


def train(requests, model, batch_size, dataset, data_root, without=None, **options):
    """Serve rounds from within `gb.train_model`, which gets `options`.

    To the training loop a round is an epoch: the data set gives as many batches as the request asks
    for, to train on and then to evaluate. `without` is the name of a pass that is left out.
    """
    leave_out(without)
    made = []

    def benchmark_net(**kwargs):
        made.append(gb.get_model(model, **kwargs))
        return made[-1]

    def benchmark_data(batch_size, resize=None, seed=None):
        loaders = get_dataset(dataset).load_from(data_root, batch_size, resize=resize, seed=seed)
        rounds = _Rounds(requests, made, *loaders)
        return _Asked(loaders[0], rounds.training), _Asked(loaders[1], rounds.evaluating)

    gb.register(**gb.get_recipe(model)._asdict())(benchmark_net)
    gb.register_dataset('benchmark', benchmark_data, [str(i) for i in range(10)])
    try:
        gb.train_model('benchmark_net', epochs=10 ** 9, batch_size=batch_size, seed=0,
                       dataset='benchmark', ctx='cpu', **options)
    except EOFError:  # no more requests
        pass


class _Rounds:
    """The batches that the training loop gets, and the times at which it asks for them."""

    def __init__(self, requests, made, train_iter, test_iter):
        self._requests, self._asked, self._made = requests, iter(requests), made
        self._train, self._test = _endless(train_iter), _endless(test_iter)
        self._fixed = next(self._train)[0]
        self._answer, self._clock, self._request = None, Clock(), None

    def training(self):
        if self._answer is None:
            self._requests.answer()
        else:  # the loop has read the last batch's values, and the epoch is over
            self._answer['evaluate'] = [self._clock.lap(), self._images]
            self._requests.answer(**self._answer)
        self._request = next(self._asked, None)
        if self._request is None:
            raise EOFError
        core(self._made[-1], self._fixed, self._request['warm'])
        self._clock.lap()
        self._answer = {'core': [0, 0]}
        self._core()
        self._requests.forget_printed()
        self._clock.lap()
        yield from self._count(self._train, self._request['train'])

    def evaluating(self):
        # The loop comes here when it has read the sums of the loss and of correct predictions; the
        # last batch's gradients and its step may still be computed.
        mx.nd.waitall()
        self._answer['train'] = [self._clock.lap(), self._images]
        self._answer['cpu'] = [self._clock.cpu, self._images]
        self._answer['primitives'] = self._requests.primitives()
        self._clock.lap()
        self._core()
        yield from self._count(self._test, self._request['evaluate'])

    def _core(self):
        self._answer['core'][1] += core(self._made[-1], self._fixed, self._request['core'])
        self._answer['core'][0] += self._clock.lap()

    def _count(self, batches, n):
        self._images = 0
        for _ in range(n):
            X, y = next(batches)
            self._images += X.shape[0]
            yield X, y


class _Asked(BatchLoader):
    """A copy of `loader`, except for the batches."""

    def __init__(self, loader, batches):
        vars(self).update(vars(loader), asked=batches)

    def __iter__(self):
        return self.asked()


def predict(requests, model, without=None):
    """Serve predictions by the hybridized net."""
    leave_out(without)
    net = gb.get_model(model)
    net.initialize(init=mx.init.Xavier())
    net.hybridize(static_alloc=True)
    side = gb.get_recipe(model).resize or 28
    requests.answer()
    serve_predictions(requests, lambda X: net(mx.nd.array(X)).asnumpy(), (1, side, side))


def leave_out(name):
    """Remove the pass of that name, if any, from the passes over every graph."""
    for listed in (passes.TRAINING, passes.PREDICTION):
        listed[:] = [each for each in listed if each.__name__ != name]


def _endless(loader):
    while True:
        yield from loader
