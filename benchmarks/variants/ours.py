"""gluonblocks, trained by `gluonblocks.train_model` as scripts/train.py does, and predicting."""
import os
import platform

import numpy as np

import gluonblocks as gb  # first: it sets MXNet's threads
from gluonblocks.data.datasets import get_dataset

import mxnet as mx  # isort: skip
from mxnet.gluon import nn  # isort: skip

from ..timing import Clock, core


def probe(requests, dataset, data_root, folder):
    """Write the data set's arrays into `folder`, for those that do not read it themselves."""
    train_iter, test_iter = _load(dataset, data_root, 256, None, 0)
    for part, loader in (('train', train_iter), ('test', test_iter)):
        np.save(os.path.join(folder, part + '-images.npy'), loader.images)
        np.save(os.path.join(folder, part + '-labels.npy'), loader.labels)
    names = gb.list_models()
    requests.answer(
        threads=int(os.environ['OMP_NUM_THREADS']),
        num_train=len(train_iter.images), num_test=len(test_iter.images), models=names,
        resize={name: gb.get_recipe(name).resize for name in names},
        lr={name: gb.get_recipe(name).lr for name in names}, versions=versions())


def versions():
    """Of what a figure depends on."""
    return {'Python': platform.python_version(), 'NumPy': np.__version__,
            'MXNet': mx.__version__, 'gluonblocks': gb.__version__}


def ours(requests, model, batch_size, dataset, data_root, depth=None):
    """Serve rounds from within `gb.train_model`, whose data set gives the batches asked for.

    A round is an epoch to it: so many batches of training, the sums read, so many of evaluating.
    `depth`, where it is not None, replaces the number of residual blocks in each stage.
    """
    made, hello = [], {}
    if depth is not None:
        net = _resnet(depth)
        net.initialize()
        side = gb.get_recipe(model).resize or 28
        hello['multiply_adds'] = sum(
            row.multiply_adds for row in gb.layer_shapes(net, (1, 1, side, side)))

    def benchmark_net(**kwargs):
        made.append(gb.get_model(model, **kwargs) if depth is None else _resnet(depth))
        return made[-1]

    def benchmark_data(batch_size, resize=None, seed=None):
        loaders = _load(dataset, data_root, batch_size, resize, seed)
        rounds = _Rounds(requests, hello, made, *loaders)
        return rounds.train_iter, rounds.test_iter

    gb.register(**gb.get_recipe(model)._asdict())(benchmark_net)
    gb.register_dataset('benchmark', benchmark_data, [str(i) for i in range(10)])
    try:
        gb.train_model('benchmark_net', epochs=10 ** 9, batch_size=batch_size, seed=0,
                       dataset='benchmark', ctx='cpu')
    except EOFError:  # no more requests
        pass


class _Rounds:
    """Two data iterators that the training loop uses in turn, and the times at which it does."""

    def __init__(self, requests, hello, made, train_iter, test_iter):
        self._requests, self._asked, self._made = requests, iter(requests), made
        self._hello = hello
        self._train, self._test = _endless(train_iter), _endless(test_iter)
        self._fixed = next(self._train)[0]
        self._answer, self._clock, self._request = None, Clock(), None
        self.train_iter = _Asked(train_iter, self._training)
        self.test_iter = _Asked(test_iter, self._evaluating)

    def _training(self):
        if self._answer is None:
            self._requests.answer(**self._hello)
        else:  # the loop has read the last batch's numbers, and the epoch is over
            self._answer['evaluate'] = [self._clock.lap(), self._images]
            self._requests.answer(**self._answer)
        self._request = next(self._asked, None)
        if self._request is None:
            raise EOFError
        core(self._made[-1], self._fixed, self._request['warm'])
        self._clock.lap()
        self._answer = {'core': [self._core(), 2 * self._request['core'] * len(self._fixed)]}
        self._requests.forget_printed()
        self._clock.lap()
        yield from self._count(self._train, self._request['train'])

    def _evaluating(self):
        # The loop comes here when it has read the sums of loss and hits; the last batch's gradients
        # and its step may be computed still.
        mx.nd.waitall()
        self._answer['train'] = [self._clock.lap(), self._images]
        self._answer['cpu'] = [self._clock.cpu, self._images]
        self._answer['primitives'] = self._requests.primitives()
        self._clock.lap()
        self._answer['core'][0] += self._core()
        yield from self._count(self._test, self._request['evaluate'])

    def _core(self):
        core(self._made[-1], self._fixed, self._request['core'])
        return self._clock.lap()

    def _count(self, batches, n):
        self._images = 0
        for _ in range(n):
            X, y = next(batches)
            self._images += X.shape[0]
            yield X, y


class _Asked:
    """Looks like `loader`, but for the batches."""

    def __init__(self, loader, batches):
        self.num_images, self._len, self._batches = loader.num_images, len(loader), batches

    def __len__(self):
        return self._len

    def __iter__(self):
        return self._batches()


def predict_ours(requests, model):
    """Serve predictions, from a NumPy array to a NumPy array, by the hybridized net."""
    net = gb.get_model(model)
    net.initialize(init=mx.init.Xavier())
    net.hybridize(static_alloc=True)
    side = gb.get_recipe(model).resize or 28
    requests.answer()
    for request in requests:
        X = np.random.RandomState(0).rand(request['batch'], 1, side, side).astype('float32')
        net(mx.nd.array(X)).asnumpy()
        clock = Clock()
        for _ in range(request['predict']):
            net(mx.nd.array(X)).asnumpy()
        requests.answer(predict=[clock.lap(), request['predict'] * len(X)])


def _load(dataset, data_root, batch_size, resize, seed):
    return get_dataset(dataset).load_from(data_root, batch_size, resize=resize, seed=seed)


def _endless(loader):
    while True:
        yield from loader


def _resnet(depth):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(64, kernel_size=7, strides=2, padding=3), nn.BatchNorm(),
            nn.Activation('relu'), nn.MaxPool2D(pool_size=3, strides=2, padding=1))
    for i, num_channels in enumerate((64, 128, 256, 512)):
        net.add(*gb.resnet_block(num_channels, depth, first_block=i == 0))
    net.add(nn.GlobalAvgPool2D(), nn.Dense(10))
    return net
