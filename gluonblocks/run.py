"""One model of the registry, trained by its recipe or shown: what `scripts/train.py` does."""
import os
import sys

import mxnet as mx
import numpy as np
from mxnet import gluon, init

from .data import DATASETS
from .interrupt import DeferredInterrupt
from .models import get_model, get_recipe
from .progress import Progress
from .summary import format_summary, layer_shapes
from .training import get_ctx, train_ch5, try_gpu


def train_model(name, num_epochs=None, batch_size=None, lr=None, ctx=None, seed=None,
                dataset='fashion-mnist', root=None):
    """Train the model `name` and print the book's lines; return (net, its `EpochRecord`s).

    What is None is as the model's recipe says; `ctx` is an mx.Context or a name for `get_ctx`
    (None: `try_gpu()`); `seed` sets the generators of MXNet and NumPy and the order of the images
    (None: drawn, and told on stderr); `dataset` is a key of `DATASETS`; `root` its folder, where
    it has one. Progress goes to stderr. Ctrl-C raises KeyboardInterrupt between two batches.

    Raises ValueError for an unknown name or a device that is not there, and DataError, an
    OSError, for data that are missing or damaged.
    """
    recipe = get_recipe(name)
    num_epochs = recipe.num_epochs if num_epochs is None else num_epochs
    batch_size = recipe.batch_size if batch_size is None else batch_size
    lr = recipe.lr if lr is None else lr
    ctx = try_gpu() if ctx is None else get_ctx(ctx) if isinstance(ctx, str) else ctx
    if dataset not in DATASETS:
        raise ValueError('there is no data set %r; the data sets are: %s'
                         % (dataset, ', '.join(sorted(DATASETS))))
    seed = np.random.randint(2 ** 31 - 1) if seed is None else seed
    mx.random.seed(seed)
    np.random.seed(seed)
    where = {} if root is None else {'root': root}
    train_iter, test_iter = DATASETS[dataset](batch_size, resize=recipe.resize, seed=seed, **where)
    print('%s on %s: lr %g, batch size %d, epochs %d, seed %d, threads %s'
          % (name, dataset, lr, batch_size, num_epochs, seed, os.environ.get('OMP_NUM_THREADS')),
          file=sys.stderr)

    net = get_model(name)
    net.initialize(ctx=ctx, init=init.Xavier())
    # Static allocation reuses the graph's buffers; static shape would leave stale statistics.
    net.hybridize(static_alloc=True)
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': lr})
    with DeferredInterrupt() as interrupt:
        history = train_ch5(net, interrupt.guard(Progress(train_iter, num_epochs)),
                            interrupt.guard(test_iter), batch_size, trainer, ctx, num_epochs)
    return net, history


def model_summary(name):
    """The layer table of the model `name`, for one grey image of its recipe's size, as text.

    Raises ValueError for an unknown name.
    """
    side = get_recipe(name).resize or 28
    net = get_model(name)
    net.initialize()
    return format_summary(layer_shapes(net, (1, 1, side, side)))
