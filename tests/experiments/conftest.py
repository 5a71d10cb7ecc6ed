import pytest

from gluonblocks.data import datasets


@pytest.fixture(autouse=True)
def data_sets_as_before(monkeypatch):
    """Experiments register data sets of their own: not for the tests after them."""
    monkeypatch.setattr(datasets, '_datasets', dict(datasets._datasets))
