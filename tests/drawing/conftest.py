"""The figures that the package draws, as matplotlib has them."""
import pytest
from matplotlib import figure


@pytest.fixture
def figures(monkeypatch):
    """A list of the figures drawn in a test."""
    made = []
    monkeypatch.setattr(figure, 'Figure', lambda *a, make=figure.Figure, **k: (
        made.append(make(*a, **k)), made[-1])[1])
    return made
