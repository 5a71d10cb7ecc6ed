"""What Python's thread spends on the parts of a training step: CPU milliseconds a batch.

MXNet computes in threads of its own; their time is in the last row, of the whole process. The
parts are timed from outside, so the loop is the one that trains; a call's own time grows by about a
microsecond. Set OMP_NUM_THREADS=1: threads that wait for each other count as busy.

example:
  OMP_NUM_THREADS=1 python -m benchmarks.parts lenet_bn
"""
import collections
import contextlib
import statistics
import sys
import time

import gluonblocks as gb  # first: it sets MXNet's threads
from gluonblocks.training import loop
from gluonblocks.training.busy import BusyMachine
from gluonblocks.training.feed import LabelCheck
from gluonblocks.training.metrics import RunningSum

import mxnet as mx  # isort: skip
from mxnet import autograd, gluon, nd  # isort: skip
from mxnet.gluon.loss import SoftmaxCrossEntropyLoss  # isort: skip

from .arguments import model, parser_of  # isort: skip

EPOCHS, BATCHES, BATCH = 9, 20, 256


class Parts:
    """CPU seconds of this thread in each part of an epoch, and of the process in all."""

    def __init__(self):
        self.epochs, self._now = [], collections.Counter()

    def timed(self, name, function):
        """`function`, whose calls count as the part `name`."""
        def run(*args, **kwargs):
            start = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                self._now[name] += time.thread_time() - start
        return run

    def batches(self, batches_of):
        """`batches_of`, whose batches count as the part 'data', and which begins an epoch."""
        def run(data_iter):
            nd.waitall()
            self._now.clear()
            start, process = time.thread_time(), time.process_time()
            batches = iter(batches_of(data_iter))
            following = self.timed('data', lambda: next(batches, None))
            yield from iter(following, None)
            self._now["Python's thread"] = time.thread_time() - start
            nd.waitall()
            self._now['the process'] = time.process_time() - process
            self.epochs.append(dict(self._now))
        return run


def main(argv=None):
    parser = parser_of(__doc__)
    parser.add_argument('models', nargs='*', type=model, default=['lenet_bn'], metavar='MODEL',
                        help='default: lenet_bn')
    for name in parser.parse_args(argv).models:
        measure(name)


def measure(name):
    """Print the table of a model."""
    parts = Parts()
    net, side = gb.get_model(name), gb.get_recipe(name).resize or 28
    net.initialize(mx.init.Xavier())
    net.hybridize(static_alloc=True)
    trainer = gluon.Trainer(net.collect_params(), gb.training.SGD(learning_rate=0.1))
    loaders = gb.data.load_data_synthetic(BATCH, resize=side, seed=0, num_train=BATCH * BATCHES,
                                          num_test=BATCH)
    with swapped((loop, 'batches_of', parts.batches(loop.batches_of)), *[
            (owner, attribute, parts.timed(what, getattr(owner, attribute)))
            for owner, attribute, what in (
                (loop, 'split', 'split'), (type(net), '__call__', 'the net'),
                (SoftmaxCrossEntropyLoss, '__call__', 'the loss'), (loop, 'count_hits', 'hits'),
                (autograd, 'backward', 'backward'), (gluon.Trainer, 'step', "trainer's step"),
                (RunningSum, 'wait', 'waiting for a loss'),
                (LabelCheck, 'check', 'labels'), (BusyMachine, 'batch_end', 'hook'))]):
        with contextlib.redirect_stdout(sys.stderr):
            gb.train_ch5(net, *loaders, BATCH, trainer, mx.cpu(), EPOCHS, hooks=[BusyMachine()])
    print('%s: CPU ms of a batch, median of %d epochs of %d' % (name, EPOCHS - 1, BATCHES))
    for part in parts.epochs[-1]:
        print('%-20s %6.3f' % (part, 1e3 / BATCHES * statistics.median(
            epoch[part] for epoch in parts.epochs[1:])))  # the first makes the graphs


@contextlib.contextmanager
def swapped(*values):
    """Within it each (owner, name, value) is in the place of the owner's attribute."""
    with contextlib.ExitStack() as stack:
        for owner, name, value in values:
            if name in vars(owner):
                stack.callback(setattr, owner, name, vars(owner)[name])
            else:  # it is inherited
                stack.callback(delattr, owner, name)
            setattr(owner, name, value)
        yield


if __name__ == '__main__':
    main()
