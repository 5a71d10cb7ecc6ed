"""How long a command takes: to its first optimizer step, and to its last line."""
import os
import subprocess
import sys
import time

from .measure import say
from .workers import ROOT, WorkerError, environment

_FIRST_STEP = """
import os, runpy, sys, time
pipe, sys.argv = int(sys.argv[1]), sys.argv[2:]
import gluonblocks
from mxnet import gluon, nd
step = gluon.Trainer.step
def first(*args, **kwargs):
    step(*args, **kwargs)
    nd.waitall()
    os.write(pipe, repr(time.monotonic()).encode())
    os._exit(0)
gluon.Trainer.step = first
sys.path.insert(0, os.path.dirname(sys.argv[0]))  # as Python does for a script
runpy.run_path(sys.argv[0], run_name='__main__')
"""


def startup(settings, model='lenet_bn'):
    """Seconds from starting `scripts/train.py --model lenet_bn` to the end of its first step.

    The first go, which brings the files into the page cache, is left out.
    """
    arguments, times = _arguments(settings, model), []
    for i in range(settings.starts + 1):
        say('start-up: %d of %d' % (i + 1, settings.starts + 1))
        times.append(_start(arguments, environment(settings.threads)))
    return times[1:]


def whole(settings, model='lenet_bn'):
    """Seconds of `scripts/train.py --model lenet_bn`, by its whole recipe, to its end."""
    times = []
    for i in range(max(1, settings.rounds // 3)):
        say('five epochs: %d of %d' % (i + 1, max(1, settings.rounds // 3)))
        before = time.monotonic()
        done = subprocess.run([sys.executable] + _arguments(settings, model), text=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              env=environment(settings.threads))
        if done.returncode:
            raise _failure(done.stderr)
        times.append(time.monotonic() - before)
    return times


def _arguments(settings, model):
    arguments = [os.path.join(ROOT, 'scripts', 'train.py'), '--model', model, '--dataset',
                 settings.dataset, '--batch-size', str(settings.batch_size)]
    return arguments + (['--data-root', settings.data_root] if settings.data_root else [])


def _failure(said):
    return WorkerError('scripts/train.py: %s' % (said.strip().splitlines() or ['?'])[-1])


def _start(arguments, env):
    readable, writable = os.pipe()
    with open(readable) as pipe:
        before = time.monotonic()  # one clock for all processes on Linux
        process = subprocess.Popen(
            [sys.executable, '-c', _FIRST_STEP, str(writable)] + arguments, env=env,
            pass_fds=[writable], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True)
        os.close(writable)
        try:
            _, said = process.communicate()
        except BaseException:
            process.kill()
            process.wait()
            raise
        after = pipe.read()
    if not after:
        raise _failure(said)
    return float(after) - before
