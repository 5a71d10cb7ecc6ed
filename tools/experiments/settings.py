"""On what an experiment runs: the whole data or a quick try, and the training that all use."""
import contextlib
import functools
import sys
from typing import NamedTuple, Optional

import mxnet as mx
from mxnet import autograd, gluon

from gluonblocks.data.batches import make_loaders
from gluonblocks.data.datasets import (
    get_dataset,
    is_registered,
    load_data_synthetic,
    register_dataset,
)
from gluonblocks.data.fashion_mnist import DEFAULT_ROOT, LABELS, read_fashion_mnist
from gluonblocks.models.registry import get_model
from gluonblocks.runs.train import train_model

ALL = 60000  # training images of Fashion-MNIST
QUICK = 256  # of both kinds


class Settings(NamedTuple):
    """`quick` is a try of seconds on made-up images; `data_root` is Fashion-MNIST's folder."""

    quick: bool = False
    seed: int = 0
    data_root: Optional[str] = None

    def pick(self, whole, quick):
        """What counts in a whole run, or in a quick one."""
        return quick if self.quick else whole

    def dataset(self, num_train=ALL):
        """The name of a data set of the first `num_train` training images, and all for testing."""
        if not self.quick and num_train == ALL:
            return 'fashion-mnist'
        name = 'quick-synthetic' if self.quick else 'fashion-mnist-%d' % num_train
        if not is_registered(name):
            if self.quick:
                register_dataset(name, _load_quick, ['class %d' % i for i in range(10)])
            else:
                register_dataset(name, functools.partial(_load_part, num_train), LABELS,
                                 takes_root=True)
        return name

    def loaders(self, batch_size, resize=None, num_train=ALL):
        """(train_iter, test_iter) of `dataset(num_train)`, in an order by the seed."""
        return get_dataset(self.dataset(num_train)).load_from(
            None if self.quick else self.data_root, batch_size, resize=resize, seed=self.seed)

    def train(self, model, num_train=ALL, **options):
        """As `train_model`, with the book's lines on stderr; return (net, history)."""
        if not self.quick:
            options['data_root'] = self.data_root
        with contextlib.redirect_stdout(sys.stderr):
            return train_model(model, dataset=self.dataset(num_train), seed=self.seed,
                               stop_non_finite=True, **options)

    def new_net(self, model):
        """A net of that name whose weights are by Xavier and the seed."""
        mx.random.seed(self.seed)
        net = get_model(model)
        net.initialize(mx.init.Xavier())
        return net


def steps(net, batches, lr):
    """Train `net` by plain SGD on `batches`, (X, y) each; give each batch's mean loss, a float,
    after its step."""
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': lr})
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    for X, y in batches:
        with autograd.record():
            l = loss(net(X), y)
        l.backward()
        trainer.step(X.shape[0])
        yield float(l.mean().asscalar())


def percent(share):
    """A share of 1 as a table's cell."""
    return '%.1f %%' % (100 * share)


def _load_quick(batch_size, resize=None, seed=None):
    return load_data_synthetic(batch_size, resize, seed, num_train=QUICK, num_test=QUICK)


def _load_part(num_train, batch_size, resize=None, root=None, seed=None):
    arrays = read_fashion_mnist(DEFAULT_ROOT if root is None else root)
    part = tuple(array[:num_train] for array in arrays[:2])
    return make_loaders(part + arrays[2:], batch_size, resize, seed)
