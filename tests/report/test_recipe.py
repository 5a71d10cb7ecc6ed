"""The recipe of a run, beside what the model is trained by where nothing is asked."""
import pytest
from conftest import replace_recipe
from reading import Page
from small_runs import start

from gluonblocks.report.recipe import recipe_section
from gluonblocks.report.view import read_runs, repeating_commands


@pytest.fixture
def view(folder, little_data, monkeypatch):
    """A function: the `RunView` of a run of a model whose recipe resizes to `side`."""
    def make(side, **asked):
        replace_recipe(monkeypatch, 'lenet_bn', resize=side)
        start(folder, epochs=1, **asked)
        return read_runs([folder])[0]
    return make


@pytest.mark.parametrize('side, asked, row, said', [
    (None, {}, ['resize', 'no', 'no'], False),
    (20, {}, ['resize', '20 × 20 pixels', '20 × 20 pixels'], False),
    (None, {'resize': 20}, ['resize', '20 × 20 pixels', 'no'], True),
    (20, {'resize': 24}, ['resize', '24 × 24 pixels', '20 × 20 pixels'], True)])
def test_a_resize_is_beside_the_recipes_and_repeated_where_it_is_another(
        view, side, asked, row, said):
    run = view(side, **asked)
    assert row in Page(str(recipe_section(run))).tables['Recipe']
    assert ('--resize %s' % asked.get('resize') in repeating_commands(run.config)[0]) == said
