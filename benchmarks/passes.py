"""The gain of each pass over the graphs: `python -m benchmarks.passes`, or of some models by name.

Each row compares a net with all passes to one without that pass alone, in one run, in turns; the
ratio is of CPU seconds, the median of the rounds, and above 1 if the pass gains.
"""
import argparse
import statistics
import time

import gluonblocks as gb  # isort: skip  # before mxnet
import mxnet as mx
from mxnet import autograd, gluon, nd

from gluonblocks.graphs import net as net_module

LISTS = {'training': 'TRAINING', 'prediction': 'PREDICTION'}


def make(model, num_images, mode, without=None):
    """A function that does one step, or one prediction, of a net without the pass `without`."""
    name = LISTS[mode]
    passes = getattr(net_module, name)
    side = gb.get_recipe(model).resize or 28
    X, y = nd.random.uniform(shape=(num_images, 1, side, side)), nd.arange(num_images) % 10
    net = gb.get_model(model)
    net.initialize(mx.init.Xavier())
    net.hybridize(static_alloc=True)
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.01})
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    loss.hybridize(static_alloc=True)

    def run():
        if mode == 'prediction':
            return net(X).wait_to_read()
        with autograd.record():
            ls = loss(net(X), y)
        ls.backward()
        trainer.step(num_images)
        nd.waitall()
    setattr(net_module, name, [each for each in passes if each is not without])
    try:
        run()  # which compiles
    finally:
        setattr(net_module, name, passes)
    run()
    return run


def cpu_seconds(run, least=0.1):
    """The CPU seconds of one run, over as many as take `least` seconds."""
    count, start, end = 0, time.process_time(), time.monotonic() + least
    while not count or time.monotonic() < end:
        run()
        count += 1
    return (time.process_time() - start) / count


def compare(model, num_images, mode, without, rounds):
    """[the ratio of each round]: the time without the pass to that with all."""
    runs = make(model, num_images, mode), make(model, num_images, mode, without)
    ratios = []
    for _ in range(rounds):
        with_all, less = [cpu_seconds(run) for run in runs]
        ratios.append(less / with_all)
    return ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('models', nargs='*', default=gb.list_models('book')[:4])
    parser.add_argument('--rounds', type=int, default=9)
    options = parser.parse_args()
    print('%-26s %-15s %-10s %6s  %-8s %s' % ('pass', 'model', 'mode', 'images', 'without/with',
                                              'least to most'))
    for model in options.models:
        for mode, name in LISTS.items():
            for each in getattr(net_module, name):
                for num_images in (1, 256) if mode == 'prediction' else (256,):
                    ratios = sorted(compare(model, num_images, mode, each, options.rounds))
                    print('%-26s %-15s %-10s %6d  %.3f    %.3f to %.3f' % (
                        each.__name__, model, mode, num_images, statistics.median(ratios),
                        ratios[0], ratios[-1]), flush=True)


if __name__ == '__main__':
    main()
