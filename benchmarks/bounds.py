"""What a model's convolutions would gain if each ran as fast as a matrix product does here.

For each size of maps: the time of oneDNN's convolutions in a training step, forward and backward;
their speed, where taps on the padding do not count; and what would be saved at the speed of the
product of two large matrices, as MXNet computes it, by as many threads.

example:
  python -m benchmarks.bounds
  python -m benchmarks.bounds --models resnet --steps 5
"""
import argparse
import collections
import os
import statistics
import subprocess
import sys

from .arguments import models, parser_of, positive
from .onednn import convolutions, primitives
from .workers import ROOT, environment

BATCH, SIDE = 256, 2048


def report(lines, steps, speed):
    """The table of what `convolutions` finds in `steps` steps, beside `speed`, products a ms."""
    from gluonblocks.tables import format_table
    sums = collections.OrderedDict()
    for side, products, ms in convolutions(lines):
        total = sums.setdefault(side, [0, 0.0])
        total[0] += products / steps
        total[1] += ms / steps
    rows = [(side, '%.1f' % ms, '%.0f' % (2 * products / ms / 1e6),
             '%.1f' % max(0, ms - products / speed)) for side, (products, ms) in sums.items()]
    whole = [sum(values) for values in zip(*sums.values())]
    rows.append(('all', '%.1f' % whole[1], '%.0f' % (2 * whole[0] / whole[1] / 1e6),
                 '%.1f' % sum(float(row[-1]) for row in rows)))
    return format_table([('maps', 'ms a step', 'GFLOP/s', 'ms saved at most')] + rows)


def train(model, steps):
    """Print oneDNN's lines of `steps` steps, and the speed of a matrix product, to stdout."""
    import numpy as np

    import gluonblocks as gb

    import mxnet as mx  # isort: skip
    net, side = gb.get_model(model), gb.get_recipe(model).resize or 28
    net.initialize(mx.init.Xavier())
    net.hybridize(static_alloc=True)
    X = mx.nd.array(np.random.RandomState(0).rand(BATCH, 1, side, side))
    for i in range(steps + 1):
        with mx.autograd.record():
            Y = net(X)
        Y.backward()
        mx.nd.waitall()
        if not i:
            print('warm', flush=True)
    print('matrices', flush=True)
    A, B = (mx.nd.random.uniform(shape=(SIDE, SIDE)) for _ in range(2))
    for _ in range(7):
        mx.nd.FullyConnected(A, B, num_hidden=SIDE, no_bias=True).wait_to_read()


def measure(model, steps):
    """(verbose lines of the steps, products of large matrices a millisecond)."""
    done = subprocess.run([sys.executable, '-m', 'benchmarks.bounds', '--train', '--models', model,
                           '--steps', str(steps)], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                          env=environment(verbose=True))
    if done.returncode:
        raise SystemExit('the training of %s failed, see above' % model)
    said = done.stdout.splitlines()
    begin, end = said.index('warm'), said.index('matrices')
    times = [ms for kind, _, _, ms in primitives(said[end:]) if kind == 'inner_product']
    return said[begin:end], SIDE ** 3 / statistics.median(times)


def main(argv=None):
    parser = parser_of(__doc__)
    parser.add_argument('--models', type=models, default='resnet,densenet', metavar='NAMES',
                        help='by commas; default: %(default)s')
    parser.add_argument('--steps', type=positive, default=3, metavar='N',
                        help='default: %(default)s')
    parser.add_argument('--train', action='store_true', help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    for model in args.models:
        if args.train:
            train(model, args.steps)
            continue
        lines, speed = measure(model, args.steps)
        print('%s, batch %d: a product of matrices runs at %.0f GFLOP/s'
              % (model, BATCH, 2 * speed / 1e6))
        print(report(lines, args.steps, speed) + '\n')
    return 0


if __name__ == '__main__':
    # Without our operators, oneDNN computes every convolution.
    os.environ.setdefault('GLUONBLOCKS_OPERATORS', '0')
    raise SystemExit(main())
