"""How much memory training steps take, in a process of its own: `measure`.

The process is `python -m experiments.memory MODEL SIDE BATCH_SIZE`; Linux only.
"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def measure(model, side, batch_size):
    """MiB by which the peak of three training steps lies above what the net and a batch take.

    Raises OSError where the process fails, with its last words.
    """
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(
        filter(None, [ROOT, os.environ.get('PYTHONPATH')])))
    done = subprocess.run([sys.executable, '-m', 'experiments.memory', model, str(side),
                           str(batch_size)], capture_output=True, text=True, env=env)
    if done.returncode:
        raise OSError('the memory of %s at %d x %d could not be measured: %s' % (
            model, side, side, (done.stderr.strip().splitlines() or ['it ended'])[-1]))
    return float(done.stdout)


def _status(name):
    with open('/proc/self/status') as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith(name + ':'))


def main(model, side, batch_size):
    from mxnet import nd

    from .settings import Settings, steps
    X, y = nd.random.uniform(shape=(batch_size, 1, side, side)), nd.arange(batch_size) % 10
    net = Settings().new_net(model)
    net(X[:1])  # so that its weights are there
    net.hybridize(static_alloc=True)
    nd.waitall()
    before = _status('VmRSS')
    list(steps(net, [(X, y)] * 3, 0.01))
    print(_status('VmHWM') - before)


if __name__ == '__main__':
    main(sys.argv[1], *map(int, sys.argv[2:]))
