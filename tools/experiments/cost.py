"""What DenseNet and ResNet cost, in parameters, multiply-adds and memory, and what for."""
import json
import re
from typing import NamedTuple

import mxnet as mx
import numpy as np

from gluonblocks.models.registry import get_model

from ..benchmarks.workers import Worker
from .common import table
from .sizes import size_of

CASES = (('resnet', 28), ('resnet', 96), ('densenet', 96), ('resnet', 224), ('densenet', 224),
         ('paper_resnet50', 224), ('densenet121', 224))


class Row(NamedTuple):
    """A net on one grey image of `side` pixels. Memory is in MiB an image.

    `stored` is the output of all operators of the net, `concats` of those the concatenations', and
    `measured` the memory that training was seen to need for an image.
    """

    model: str
    side: int
    parameters: int
    multiply_adds: int
    stored: float
    concats: float
    measured: float


def run(settings):
    return [Row(model, side, *size_of(settings.new_net(model), side), *outputs(model, side),
                memory(model, side))
            for model, side in settings.pick(CASES, CASES[:1])]


def outputs(model, side):
    """MiB of the outputs of all operators of a net for one image, and of the concatenations."""
    graph = get_model(model)(mx.sym.var('data')).get_internals()
    kinds = {node['name']: node['op'] for node in json.loads(graph.tojson())['nodes']}
    _, shapes, _ = graph.infer_shape(data=(1, 1, side, side))
    sizes = {'null': 0, 'Concat': 0}
    for name, shape in zip(graph.list_outputs(), shapes):
        kind = kinds.get(name, kinds.get(re.sub('_output$', '', name), 'null'))
        sizes[kind] = sizes.get(kind, 0) + int(np.prod(shape)) * 4 / 2 ** 20
    return sum(sizes.values()) - sizes['null'], sizes['Concat']


def memory(model, side, few=2, many=10):
    """MiB that training needs for another image: from batches of `few` images to those of `many`.

    Memory that does not depend on the batch, such as weights and gradients, is not included. Each
    batch size has a process of its own, because freed memory does not always return to the system.
    """
    peaks = []
    for batch_size in (few, many):
        spec = dict(kind='ours', model=model, batch_size=batch_size, dataset='synthetic',
                    data_root=None, resize=side)
        with Worker(spec) as worker:
            answer = worker.ask(reset_peak=True, warm=0, core=0, train=2, evaluate=1)
        peaks.append(answer['peak_mib'])
    return (peaks[1] - peaks[0]) / (many - few)


def report(rows):
    heads = ('model', 'image', 'parameters', 'multiply-adds', 'outputs of all layers, MiB',
             'of concatenations, MiB', 'measured in training, MiB')
    return table(heads, [
        (row.model, '%d x %d' % (row.side, row.side), f'{row.parameters:,}',
         f'{row.multiply_adds:,}', *('%.2f' % mib for mib in row[4:])) for row in rows])
