"""How much memory a training step takes for each image, measured: `measure`.

Each figure is of a process of its own, `python -m experiments.memory MODEL SIDE BATCH_SIZE`, for
what a process has freed does not always go back. Linux only.
"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def measure(model, side, few=2, many=10):
    """MiB that training needs for one image more: from batches of `few` images to those of `many`.

    What does not depend on the batch, as weights, gradients and work space, is not in it. Raises
    OSError where a process fails, with its last words.
    """
    return (_peak(model, side, many) - _peak(model, side, few)) / (many - few)


def _peak(model, side, batch_size):
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(
        filter(None, [ROOT, os.environ.get('PYTHONPATH')])))
    done = subprocess.run([sys.executable, '-m', 'experiments.memory', model, str(side),
                           str(batch_size)], capture_output=True, text=True, env=env)
    if done.returncode:
        raise OSError('the memory of %s at %d x %d could not be measured: %s' % (
            model, side, side, (done.stderr.strip().splitlines() or ['it ended'])[-1]))
    return float(done.stdout)


def main(model, side, batch_size):
    from mxnet import nd

    from .settings import Settings, steps
    X, y = nd.random.uniform(shape=(batch_size, 1, side, side)), nd.arange(batch_size) % 10
    net = Settings().new_net(model)
    net(X[:1])  # so that its weights are there
    net.hybridize(static_alloc=True)
    list(steps(net, [(X, y)] * 2, 0.01))
    with open('/proc/self/status') as f:
        print(next(int(line.split()[1]) / 1024 for line in f if line.startswith('VmHWM:')))


if __name__ == '__main__':
    main(sys.argv[1], *map(int, sys.argv[2:]))
