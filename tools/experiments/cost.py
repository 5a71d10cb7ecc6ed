"""What DenseNet and ResNet cost, in parameters, multiply-adds and memory, and what for."""
import json
import re

import mxnet as mx
import numpy as np

from gluonblocks.models.registry import get_model

from ..benchmarks.workers import Worker
from .common import table
from .sizes import size_of

CASES = (('resnet', 28), ('resnet', 96), ('densenet', 96), ('resnet', 224), ('densenet', 224),
         ('paper_resnet50', 224), ('densenet121', 224))


def run(settings):
    """Rows of a model, the pixels of an image's side, parameters, multiply-adds and, in MiB an
    image, all operators' outputs, those of concatenations, and the memory that training needs."""
    return [(model, side, *size_of(settings.new_net(model), side), *outputs(model, side),
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
        spec = dict(kind='ours.train', model=model, batch_size=batch_size, dataset='synthetic',
                    data_root=None, resize=side)
        with Worker(spec) as worker:
            answer = worker.ask(reset_peak=True, warm=0, core=0, train=2, evaluate=1)
        peaks.append(answer['peak_mib'])
    return (peaks[1] - peaks[0]) / (many - few)


def report(rows):
    heads = ('model', 'image', 'parameters', 'multiply-adds', 'outputs of all layers, MiB',
             'of concatenations, MiB', 'measured in training, MiB')
    return table(heads, [
        (model, '%d x %d' % (side, side), f'{parameters:,}', f'{products:,}',
         *('%.2f' % each for each in mib)) for model, side, parameters, products, *mib in rows])
