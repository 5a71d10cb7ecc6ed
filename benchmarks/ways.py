"""The CPU time of a training step by each way, and of batch norm, in rounds that alternate.

CPU time, for it counts on a busy machine too, where the time of the clock says little; set
OMP_NUM_THREADS=1 for it: threads that wait for each other count as busy.

example:
  OMP_NUM_THREADS=1 python -m benchmarks.ways lenet_bn lenet_bn_gluon"""
import os
import statistics
import time

import numpy as np

import gluonblocks as gb  # first: it sets MXNet's threads
from gluonblocks.graphs import Net
from gluonblocks.graphs.switch import VARIABLE, taken

import mxnet as mx  # isort: skip
from mxnet import autograd, gluon, nd  # isort: skip
from mxnet.gluon import nn  # isort: skip

from .arguments import model, parser_of
from .measure import SHAPES

ROUNDS, TIMES, BATCH = 9, 5, 256


def step_of(model, way):
    """A function that trains `model` for one step of 256 by `way`."""
    os.environ[VARIABLE] = way
    side = gb.get_recipe(model).resize or 28
    X = nd.random.uniform(shape=(BATCH, 1, side, side))
    y = nd.array(np.arange(BATCH) % 10)
    net, loss = gb.get_model(model), gluon.loss.SoftmaxCrossEntropyLoss()
    net.initialize(mx.init.Xavier())
    net.hybridize(static_alloc=True)
    loss.hybridize(static_alloc=True)
    trainer = gluon.Trainer(net.collect_params(), gb.training.SGD(learning_rate=0.1))

    def step():
        os.environ[VARIABLE] = way
        with autograd.record():
            l = loss(net(X), y)
        l.backward()
        trainer.step(BATCH)
    return step


def norm_of(net, layer, shape, way):
    """A function that runs `layer` in `net` forward and backward on an array of `shape`."""
    X, dY = nd.random.normal(shape=shape), nd.random.normal(shape=shape)
    X.attach_grad()
    net.add(layer)
    net.initialize()
    net.hybridize(static_alloc=True)

    def step():
        os.environ[VARIABLE] = way
        with autograd.record():
            Y = net(X)
        Y.backward(dY)
    return step


def compare(title, steps):
    """Print the median milliseconds of each of {name: step}, and the least."""
    times = {name: [] for name in steps}
    for i in range(ROUNDS + 1):
        for name, step in steps.items():
            nd.waitall()
            start = time.process_time()
            for _ in range(TIMES):
                step()
            nd.waitall()
            if i:  # the first makes the graphs
                times[name].append((time.process_time() - start) / TIMES * 1e3)
    print('%-20s %s' % (title, ', '.join('%s %.2f (%.2f)' % (
        name, statistics.median(found), min(found)) for name, found in times.items())), flush=True)


def main(argv=None):
    parser = parser_of(__doc__)
    parser.add_argument('models', nargs='*', type=model, metavar='MODEL')
    names = parser.parse_args(argv).models
    os.environ.pop(VARIABLE, None)
    print('CPU ms, median (least) of %d rounds; the way taken by itself: %s, threads: %s'
          % (ROUNDS, taken(), os.environ['OMP_NUM_THREADS']))
    for name in names:
        compare(name, {way: step_of(name, way) for way in ('graph', 'operators')})
    for shape in SHAPES:
        num_dims, C = len(shape), shape[1]
        compare('x'.join(map(str, shape)), {
            'graph': norm_of(Net(), gb.BatchNorm(C, num_dims=num_dims), shape, 'graph'),
            'operators': norm_of(Net(), gb.BatchNorm(C, num_dims=num_dims), shape, 'operators'),
            'nn.BatchNorm': norm_of(nn.HybridSequential(), nn.BatchNorm(), shape, 'graph')})


if __name__ == '__main__':
    main()
