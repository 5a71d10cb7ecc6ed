"""Runs of a few steps in a folder: started, stopped after a step, and their files."""
import os
import signal

import pytest
from conftest import smaller

import gluonblocks as gb
from gluonblocks.runs import process, records

IDENTICAL = ('final.safetensors', 'final.params', 'best.safetensors', 'last.safetensors',
             'history.csv', 'history.jsonl')
WHOLE = {'epochs': 3, 'seed': 0, 'batch_size': 16, 'dataset': 'synthetic', 'ctx': 'cpu'}


def make_quick(patch):
    """An epoch of four steps of 16, no waiting for the disk, and no curves, which take longest."""
    patch.setattr('gluonblocks.files.os.fsync', lambda handle: None)
    patch.setattr(records, 'draw_curves', lambda rows, title: b'a picture')
    smaller(patch, num_train=60, num_test=20)


def start(folder, name='lenet_bn', **kwargs):
    return gb.train_model(name, out=folder, **dict(WHOLE, **kwargs))


def content(folder, names=IDENTICAL):
    found = {}
    for name in names:
        with open(os.path.join(folder, name), 'rb') as f:
            found[name] = f.read()
    return found


class Stop(gb.Hook):
    """Sends itself a signal after the step `at`."""

    def __init__(self, at, signum=signal.SIGINT):
        self.at, self.signum = at, signum

    def batch_end(self, state):
        if state.step == self.at:
            os.kill(os.getpid(), self.signum)


def stopped(monkeypatch, folder, at, signum=signal.SIGINT, **kwargs):
    """Start a run that is interrupted after the step `at`; the Interrupted."""
    with monkeypatch.context() as patch, pytest.raises(gb.training.Interrupted) as stop:
        add_hook(patch, Stop(at, signum))
        start(folder, **kwargs)
    return stop.value


def add_hook(patch, hook):
    """Have runs call another hook too."""
    make_hooks = process.make_hooks
    patch.setattr(process, 'make_hooks', lambda *args: make_hooks(*args) + [hook])
