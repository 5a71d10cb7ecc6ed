"""Runs of a few steps, and one that nothing disturbed, for all tests to compare with."""
import contextlib
import io
import shutil
from typing import NamedTuple

import pytest
from mxnet import nd
from small_runs import make_quick, start


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    make_quick(monkeypatch)


class Undisturbed(NamedTuple):
    """A run of three epochs of four steps: its folder, what it returned, and what it printed."""

    folder: str
    weights: list
    history: list
    out: str


@pytest.fixture(scope='session')
def whole(tmp_path_factory):
    """The `Undisturbed` run; tests only read it."""
    folder = str(tmp_path_factory.mktemp('whole') / 'run')
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as out:
        make_quick(patch)
        net, history = start(folder)
    nd.waitall()
    return Undisturbed(folder, [p.data().asnumpy() for p in net.collect_params().values()],
                       history, out.getvalue())


@pytest.fixture
def copied(whole, folder):
    """The folder of a copy of the undisturbed run, to change."""
    return shutil.copytree(whole.folder, folder)
