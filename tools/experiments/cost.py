"""What DenseNet and ResNet cost, in parameters, multiply-adds and memory, and what for."""
import json
import os
import re
from typing import NamedTuple

import mxnet as mx
import numpy as np

from gluonblocks.models.registry import get_model, get_recipe
from gluonblocks.models.summary import layer_shapes
from gluonblocks.tables import format_table

from .memory import ROOT, measure

CASES = (('resnet', 28), ('resnet', 96), ('densenet', 96), ('resnet', 224), ('densenet', 224),
         ('paper_resnet50', 224), ('densenet121', 224))
TRAINED, LOSS = ('resnet', 'densenet'), 0.25
NUM_TRAIN = 60000
_LINE = re.compile(r'epoch (\d+), loss ([\d.]+), train acc ([\d.]+), test acc ([\d.]+)')


class Row(NamedTuple):
    """A net on one grey image of `side` pixels. Memory is in MiB an image.

    `stored` is what all operators of the net put out, `concats` what concatenations do of it, and
    `measured` what training was seen to need for it.
    """

    model: str
    side: int
    parameters: int
    multiply_adds: int
    stored: float
    concats: float
    measured: float


class Trained(NamedTuple):
    """What a published run in results/ came to, and when its loss was first below `LOSS`."""

    model: str
    side: int
    epoch: int
    loss: float
    train_acc: float
    test_acc: float
    multiply_adds: int


def run(settings):
    rows = []
    for model, side in settings.pick(CASES, (('resnet', 28), ('densenet', 32))):
        net = settings.new_net(model)
        layers = layer_shapes(net, (1, 1, side, side))
        stored, concats = outputs(model, side)
        rows.append(Row(model, side, sum(layer.parameters for layer in layers),
                        sum(layer.multiply_adds for layer in layers), stored, concats,
                        measure(model, side)))
    return rows, [_trained(model) for model in TRAINED]


def outputs(model, side):
    """MiB that all operators of a net put out for one image, and those of concatenations."""
    graph = get_model(model)(mx.sym.var('data')).get_internals()
    kinds = {node['name']: node['op'] for node in json.loads(graph.tojson())['nodes']}
    _, shapes, _ = graph.infer_shape(data=(1, 1, side, side))
    sizes = {'null': 0, 'Concat': 0}
    for name, shape in zip(graph.list_outputs(), shapes):
        kind = kinds.get(name, kinds.get(re.sub('_output$', '', name), 'null'))
        sizes[kind] = sizes.get(kind, 0) + int(np.prod(shape)) * 4 / 2 ** 20
    return sum(sizes.values()) - sizes['null'], sizes['Concat']


def _trained(model):
    """The first epoch of the run in results/MODEL.txt whose loss is below `LOSS`, or the last."""
    with open(os.path.join(ROOT, 'results', model + '.txt')) as f:
        epochs = [tuple(map(float, numbers)) for numbers in _LINE.findall(f.read())]
    found = next((epoch for epoch in epochs if epoch[1] < LOSS), epochs[-1])
    side = get_recipe(model).resize or 28
    net = get_model(model)
    net.initialize()
    cost = sum(layer.multiply_adds for layer in layer_shapes(net, (1, 1, side, side)))
    # A backward pass has two products for each of the forward pass: for the gradients of the
    # weights, and of the input.
    return Trained(model, side, int(found[0]), *found[1:], 3 * cost * NUM_TRAIN * int(found[0]))


def report(found):
    rows, trained = found
    heads = ('model', 'image', 'parameters', 'multiply-adds', 'outputs of all layers, MiB',
             'of concatenations, MiB', 'measured in training, MiB')
    costs = format_table([heads] + [
        (row.model, '%d x %d' % (row.side, row.side), f'{row.parameters:,}',
         f'{row.multiply_adds:,}', '%.2f' % row.stored, '%.2f' % row.concats,
         '%.2f' % row.measured) for row in rows])
    heads = ('run', 'image', 'epochs until loss < %g' % LOSS, 'loss', 'train acc', 'test acc',
             'multiply-adds until then, training')
    runs = format_table([heads] + [
        ('results/%s.txt' % row.model, '%d x %d' % (row.side, row.side), row.epoch,
         '%.4f' % row.loss, '%.3f' % row.train_acc, '%.3f' % row.test_acc,
         '%.2e' % row.multiply_adds) for row in trained])
    return 'For one image:\n\n%s\n\nAt about equal accuracy, of the runs in results/:\n\n%s' % (
        costs, runs)
