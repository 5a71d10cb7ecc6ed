"""The time of a command: to its first optimizer step, and to its last line."""
import os
import subprocess
import sys
import tempfile
import time

from .measure import say
from .workers import ROOT, WorkerError, environment

# Runs the script in its arguments, and writes the time of its first step into the file named first.
_FIRST_STEP = """
import os, runpy, sys, time
path, sys.argv = sys.argv[1], sys.argv[2:]
import gluonblocks
from mxnet import gluon, nd
step = gluon.Trainer.step
def first(*args, **kwargs):
    step(*args, **kwargs)
    nd.waitall()
    with open(path, 'w') as f:
        f.write(repr(time.monotonic()))
    os._exit(0)
gluon.Trainer.step = first
sys.path.insert(0, os.path.dirname(sys.argv[0]))  # as Python does for a script
runpy.run_path(sys.argv[0], run_name='__main__')
"""


def startup(settings):
    """Seconds from the start of `scripts/train.py --model lenet_bn` to the end of its first step.

    The first start, which brings the files into the page cache, does not count.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'time')

        def once():
            _train(settings, '-c', _FIRST_STEP, path)
            with open(path) as f:
                return float(f.read())
        return _seconds('start-up', settings.rounds + 1, once)[1:]


def whole(settings):
    """Seconds of `scripts/train.py --model lenet_bn`, by its recipe, to its end."""
    def once():
        _train(settings)
        return time.monotonic()
    return _seconds('five epochs', max(1, settings.rounds // 3), once)


def _seconds(title, rounds, once):
    """The seconds of each of the `rounds`, to the time that `once` returns."""
    times = []
    for i in range(rounds):
        say('%s: %d of %d' % (title, i + 1, rounds))
        before = time.monotonic()  # one clock for all processes on Linux
        times.append(once() - before)
    return times


def _train(settings, *before):
    """Run scripts/train.py, with the arguments `before` it; WorkerError if it fails."""
    arguments = [os.path.join(ROOT, 'scripts', 'train.py'), '--model', 'lenet_bn', '--dataset',
                 settings.dataset, '--batch-size', str(settings.batch_size)]
    if settings.data_root:
        arguments += ['--data-root', settings.data_root]
    done = subprocess.run([sys.executable, *before, *arguments], text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          env=environment(settings.threads))
    if done.returncode:
        raise WorkerError('scripts/train.py: %s' % (done.stderr.strip().splitlines() or ['?'])[-1])
