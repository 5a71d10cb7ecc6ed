"""The sizes of the book's nets, and of the nets in the ResNet and DenseNet papers."""
from gluonblocks.models.registry import list_models
from gluonblocks.models.summary import layer_shapes

from .common import table

SIDE = 64  # pixels, as in the recipes of the papers' nets
BOOKS = ('resnet', 'resnet18', 'densenet')


def size_of(net, side):
    """Return (parameters, multiply-adds) of a net for one `side` x `side` greyscale image."""
    layers = layer_shapes(net, (1, 1, side, side))
    return (sum(layer.parameters for layer in layers),
            sum(layer.multiply_adds for layer in layers))


def run(settings):
    return [(model, *size_of(settings.new_net(model), SIDE))
            for model in settings.pick(list(BOOKS) + list_models('papers'), BOOKS[:1])]


def report(rows):
    heads = ('model', 'parameters', 'multiply-adds at %d x %d' % (SIDE, SIDE))
    return table(heads, [(model, f'{parameters:,}', f'{multiply_adds:,}')
                         for model, parameters, multiply_adds in rows])
