"""Time a training command, both to the end of its first optimizer step and in total."""
import os
import subprocess
import sys
import tempfile
import time

from .measure import log
from .workers import ROOT, WorkerError, environment

# Run a script through its first optimizer step, then write the clock time to a file. The arguments
# are the file, the script, and the script's options.
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
sys.path.insert(0, os.path.dirname(sys.argv[0]))  # as for `python SCRIPT`
runpy.run_path(sys.argv[0], run_name='__main__')
"""


def startup(settings):
    """Time `scripts/train.py --model lenet_bn` through its first step; return a list of seconds.

    The list excludes the first start, which loads the files into the page cache.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'time')

        def once():
            _train(settings, '-c', _FIRST_STEP, path)
            with open(path) as f:
                return float(f.read())
        return _seconds('start-up', settings.rounds + 1, once)[1:]


def five_epochs(settings):
    """Time all five epochs of `scripts/train.py --model lenet_bn`; return a list of seconds."""
    def once():
        _train(settings)
        return time.monotonic()
    return _seconds('five epochs', max(1, settings.rounds // 3), once)


def _seconds(title, rounds, once):
    """Call `once` in each round; return the durations in seconds. `once` returns its end time."""
    times = []
    for i in range(rounds):
        log('%s: %d of %d' % (title, i + 1, rounds))
        before = time.monotonic()  # one clock for all processes on Linux
        times.append(once() - before)
    return times


def _train(settings, *before):
    """Run `python BEFORE scripts/train.py ...`; raise WorkerError if it fails."""
    arguments = [os.path.join(ROOT, 'scripts', 'train.py'), '--model', 'lenet_bn', '--dataset',
                 settings.dataset, '--batch-size', str(settings.batch_size)]
    if settings.data_root:
        arguments += ['--data-root', settings.data_root]
    done = subprocess.run([sys.executable, *before, *arguments], text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          env=environment(settings.threads))
    if done.returncode:
        raise WorkerError('scripts/train.py: %s' % (done.stderr.strip().splitlines() or ['?'])[-1])
