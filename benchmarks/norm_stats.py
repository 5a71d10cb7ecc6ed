"""What recording batch normalization's numbers costs: `python -m benchmarks.norm_stats`.

Steps of a training with a record after each and steps without take turns, so that what slows the
machine meets both. The difference is all that a record costs; its own time, from when MXNet has
nothing left to do, varies less.
"""
import tempfile
import time

from .arguments import model, parser_of, positive
from .stats import spread

STEPS_AN_EPOCH = 235  # of Fashion-MNIST's 60,000 images, 256 at a time


def measure(model, rounds, steps, batch_size=256):
    """(seconds of a step, the difference, seconds of a record), a list each, by rounds."""
    import gluonblocks as gb  # first: it sets MXNet's threads
    from gluonblocks.training.loop import TrainingState
    from gluonblocks.training.norms import NormStats

    from mxnet import autograd, gluon, init, nd  # isort: skip
    side = gb.get_recipe(model).resize or 28
    net = gb.get_model(model)
    net.initialize(init.Xavier())
    net.hybridize(static_alloc=True)
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.01})
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    loss.hybridize(static_alloc=True)
    X, y = nd.random.uniform(shape=(batch_size, 1, side, side)), nd.arange(batch_size) % 10
    state = TrainingState()
    plain, more, alone = [], [], []

    def run(hook):
        start, recording = time.perf_counter(), 0.0
        for _ in range(steps):
            with autograd.record():
                l = loss(net(X), y)
            l.backward()
            trainer.step(batch_size)
            l.wait_to_read()
            state.step += 1
            nd.waitall()
            before = time.perf_counter()
            if hook:
                hook.batch_end(state)
            recording += time.perf_counter() - before
        before = time.perf_counter()
        if hook:
            hook.flush()
        end = time.perf_counter()
        return (end - start) / steps, (recording + end - before) / steps

    with tempfile.TemporaryDirectory() as folder:
        hook = NormStats(folder, net, every=1)
        hook.begin(state)
        run(None)
        for i in range(rounds):
            # Each comes first in every other round.
            times = {bool(which): run(which) for which in ((None, hook), (hook, None))[i % 2]}
            plain.append(times[False][0])
            more.append(times[True][0] - times[False][0])
            alone.append(times[True][1])
        hook.close()
    return plain, more, alone


def main(argv=None):
    parser = parser_of(__doc__)
    parser.add_argument('--model', type=model, default='lenet_bn', metavar='NAME',
                        help='default: %(default)s')
    parser.add_argument('--rounds', type=positive, default=10, metavar='N',
                        help='default: %(default)s')
    parser.add_argument('--steps', type=positive, default=20, metavar='N',
                        help='of each kind in a round; default: %(default)s')
    args = parser.parse_args(argv)
    plain, more, alone = measure(args.model, args.rounds, args.steps)
    step = spread(plain)
    print('%s: a step takes %s ms' % (args.model, in_ms(step)))
    for name, record in (('a step with a record takes more, by', spread(more)),
                         ('a record by itself takes', spread(alone))):
        print('%s %s ms: %s of a step' % (name, in_ms(record), ', '.join(
            '%.2g %% %s' % (100 * record.median / every / step.median, what)
            for what, every in (('each step', 1), ('each 50 steps', 50),
                                ('each epoch of %d steps' % STEPS_AN_EPOCH, STEPS_AN_EPOCH)))))


def in_ms(times):
    return '%.2f (middle half %.2f to %.2f)' % tuple(
        1e3 * value for value in (times.median, times.low, times.high))


if __name__ == '__main__':
    main()
