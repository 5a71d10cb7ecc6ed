"""Launchers here start stand-ins, in the place of a scheduler, servers and workers."""
import sys

import pytest
from stand_ins import ROLE

from gluonblocks.distributed import launcher, processes, relay


@pytest.fixture
def stand_ins(monkeypatch):
    monkeypatch.setattr(processes, 'python_argv', lambda module, role: [sys.executable, '-c', ROLE])
    for module in (launcher, relay):
        monkeypatch.setattr(module, 'TURN', 0.05)
