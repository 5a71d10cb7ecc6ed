"""How large the nets of the papers' tables are, and the book's beside them."""
from typing import NamedTuple

from gluonblocks.models.registry import list_models
from gluonblocks.models.summary import layer_shapes
from gluonblocks.tables import format_table

SIDE = 64  # pixels, as in the recipes of the papers' nets
BOOKS = ('resnet', 'resnet18', 'densenet')


class Row(NamedTuple):
    """A net for ten classes on one grey image."""

    model: str
    parameters: int
    multiply_adds: int


def run(settings):
    rows = []
    for model in settings.pick(list(BOOKS) + list_models('papers'), BOOKS[:1]):
        layers = layer_shapes(settings.new_net(model), (1, 1, SIDE, SIDE))
        rows.append(Row(model, sum(layer.parameters for layer in layers),
                        sum(layer.multiply_adds for layer in layers)))
    return rows


def report(rows):
    heads = ('model', 'parameters', 'multiply-adds at %d x %d' % (SIDE, SIDE))
    return format_table([heads] + [
        (row.model, f'{row.parameters:,}', f'{row.multiply_adds:,}') for row in rows])
