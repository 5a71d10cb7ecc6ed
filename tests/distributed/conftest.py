"""Launchers here look more often, and start stand-ins for workers."""
import pytest

from gluonblocks.distributed import launcher, relay


@pytest.fixture
def stand_ins(monkeypatch):
    for module in (launcher, relay):
        monkeypatch.setattr(module, 'POLL', 0.05)
