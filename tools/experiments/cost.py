"""The parameters, multiply-adds and memory of DenseNet and ResNet."""
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
    """Return rows of (model, image size in pixels, parameter count, multiply-adds, *sizes).

    The three sizes are in MiB per image: the outputs of all operators, the outputs of
    concatenations, and the memory that training needs.
    """
    return [(model, side, *size_of(settings.new_net(model), side), *outputs(model, side),
             memory(model, side))
            for model, side in settings.pick(CASES, CASES[:1])]


def outputs(model, side):
    """Return (size of all operator outputs, size of concatenations), in MiB per image."""
    graph = get_model(model)(mx.sym.var('data')).get_internals()
    kinds = {node['name']: node['op'] for node in json.loads(graph.tojson())['nodes']}
    _, shapes, _ = graph.infer_shape(data=(1, 1, side, side))
    sizes = {'null': 0, 'Concat': 0}
    for name, shape in zip(graph.list_outputs(), shapes):
        kind = kinds.get(name, kinds.get(re.sub('_output$', '', name), 'null'))
        sizes[kind] = sizes.get(kind, 0) + int(np.prod(shape)) * 4 / 2 ** 20
    return sum(sizes.values()) - sizes['null'], sizes['Concat']


def memory(model, side, few=2, many=10):
    """Return the memory, in MiB, that training needs per image in a batch.

    Subtracting the peak for `few` images from the peak for `many` cancels memory that does not
    depend on the batch size, such as the weights. Each batch size runs in a new process, because
    freed memory is not always returned to the system.
    """
    peaks = []
    for batch_size in (few, many):
        spec = dict(kind='ours.train', model=model, batch_size=batch_size, dataset='synthetic',
                    data_root=None, resize=side)
        with Worker(spec) as worker:
            answer = worker.ask(reset_peak=True, train=2, evaluate=1)
        peaks.append(answer['peak_mib'])
    return (peaks[1] - peaks[0]) / (many - few)


def report(rows):
    heads = ('model', 'image', 'parameters', 'multiply-adds', 'outputs of all layers, MiB',
             'of concatenations, MiB', 'measured in training, MiB')
    return table(heads, [
        (model, '%d x %d' % (side, side), f'{parameters:,}', f'{products:,}',
         *('%.2f' % each for each in mib)) for model, side, parameters, products, *mib in rows])
