"""Write the small checkpoints of files/, with random weights, as old programs left them.

    python make_checkpoints.py FOLDER [KIND ...]

It needs MXNet alone, and GluonCV for the kind `gluoncv`. The folders of files/ were made with MXNet
1.7.0.post2, 1.8.0.post0 and 1.9.1 on Python 3.8; mxnet-0.8 and mxnet-0.9 are those nets of 1.7 in
the formats of that time.
"""
import gzip
import io
import json
import os
import struct
import sys
import tarfile

import mxnet as mx
import numpy as np
import small_detectors  # noqa: F401, which adds its nets to KINDS
from small_nets import IMAGE, KINDS, SHAPES


def gluon(folder):
    """HybridBlock.export: a classifier of Gluon's own layers."""
    nn = mx.gluon.nn
    net = nn.HybridSequential(prefix='net_')
    with net.name_scope():
        net.add(nn.Conv2D(4, 3, padding=1), nn.BatchNorm(), nn.PReLU(), nn.MaxPool2D(), nn.Swish(),
                nn.GlobalAvgPool2D(), nn.Flatten(), nn.LayerNorm(), nn.Dropout(0.5), nn.Dense(3))
    export_block(net, folder, 'model')


def gluoncv(folder):
    """A net of GluonCV's zoo, with its preprocessing inside: (N, H, W, C) from 0 to 255."""
    from gluoncv.model_zoo import cifarresnet
    from gluoncv.utils import export_block as exported
    net = cifarresnet.CIFARResNetV1(cifarresnet.CIFARBasicBlockV1, [1, 1], [4, 4, 8], classes=3)
    net.initialize(mx.init.Uniform(0.5))
    exported(os.path.join(folder, 'cifar'), net, data_shape=(16, 16, 3))


def export_block(net, folder, prefix):
    net.initialize(mx.init.Uniform(0.5))
    net.hybridize()
    net(mx.nd.ones((1,) + IMAGE['data']))
    net.export(os.path.join(folder, prefix), epoch=3)


GLUON = {'gluon': gluon, 'gluoncv': gluoncv}
SHAPES.update(gluon=IMAGE, gluoncv={'data': (16, 16, 3)})
LABELS = {'ssd': {'label': (1, 2, 5)}}  # that do not follow from the images


def random_params(symbol, shapes, labels, seed):
    """Parameters as Module saves them: 'arg:' and 'aux:' before the names."""
    rng, given = np.random.RandomState(seed), {name: (1,) + each for name, each in shapes.items()}
    arguments, _, states = symbol.infer_shape_partial(**dict(given, **labels))
    params = {}
    for group, names, sides in (('arg:', symbol.list_arguments(), arguments),
                                ('aux:', symbol.list_auxiliary_states(), states)):
        for name, shape in zip(names, sides):
            if name in shapes or 'label' in name:
                continue
            if name.endswith(('_var', 'gamma')):  # also where fix_gamma makes 1 of it
                values = rng.uniform(0.5, 2, shape)
            elif name.startswith('offset_'):  # the grid of YOLOv3
                values = np.stack(np.meshgrid(np.arange(8), np.arange(8)), axis=-1)[None, None]
            else:
                values = rng.normal(0, max(2 / np.prod(shape[1:]), 0.05) ** 0.5, shape)
            params[group + name] = mx.nd.array(np.round(values * 64) / 64)  # which packs well
    return params


# Operators that have another name since 0.9.
RENAMED = {'_plus_scalar': '_PlusScalar', '_minus_scalar': '_MinusScalar', 'elemwise_add': '_Plus',
           '_mul_scalar': '_MulScalar', 'elemwise_mul': '_Mul', 'add_n': 'ElementWiseSum'}
# It wrote all attributes of a layer, also those that were not given.
DEFAULTS = {
    'Convolution': {'cudnn_off': 'False', 'cudnn_tune': 'off', 'dilate': '(1,1)', 'pad': '(0,0)',
                    'no_bias': 'False', 'num_group': '1', 'stride': '(1,1)', 'workspace': '1024'},
    'BatchNorm': {'eps': '0.001', 'fix_gamma': 'True', 'momentum': '0.9',
                  'use_global_stats': 'False'},
    'FullyConnected': {'no_bias': 'False'}, 'Pooling': {'global_pool': 'False'}}


def as_0_8(text):
    """A symbol's JSON as MXNet before 0.9 wrote it.

    The operator's attributes are in `param`, the user's in `attr`; inputs and heads are
    pairs; the states of a norm are no nodes. There is no version.
    """
    graph = json.loads(text)
    nodes = graph['nodes']
    states = {source for node in nodes if node['op'] == 'BatchNorm'
              for source, _, _ in node['inputs'][3:]}
    number = {i: k for k, i in enumerate(i for i in range(len(nodes)) if i not in states)}
    made = []
    for i in number:
        op, attrs = nodes[i]['op'], nodes[i].get('attrs', {})
        inputs = nodes[i]['inputs'][:3 if op == 'BatchNorm' else None]
        own = {key.strip('_'): value for key, value in attrs.items() if key.startswith('__')}
        params = {key: value.replace(', ', ',') for key, value in attrs.items()
                  if op != 'null' and not key.startswith('__')}
        node = {'op': RENAMED.get(op, op.replace('_contrib_', '')),
                'param': dict(DEFAULTS.get(op, {}), **params), 'name': nodes[i]['name'],
                'inputs': [[number[source], k] for source, k, _ in inputs],
                'backward_source_id': -1}
        made.append(dict(node, attr=own) if own else node)
    return json.dumps({'nodes': made, 'arg_nodes': [k for k, node in enumerate(made)
                                                    if node['op'] == 'null'],
                       'heads': [[number[source], k] for source, k, _ in graph['heads']]}, indent=2)


def as_0_9(text):
    """A symbol's JSON as MXNet 0.9 wrote it: all attributes in `attr`, and a parameter has those of
    its layer too."""
    graph = json.loads(text)
    nodes = graph['nodes']
    for node in nodes:
        for source, _, _ in node['inputs']:
            if nodes[source]['op'] == 'null' and 'attrs' in node:
                nodes[source].setdefault('attrs', {}).update(node['attrs'])
    for node in nodes:
        if 'attrs' in node:
            node['attr'] = node.pop('attrs')
    return json.dumps(dict(graph, attrs={'mxnet_version': ['int', 905]}), indent=2)


def old_params(params):
    """The bytes of a .params file in the oldest format, in which sizes have 32 bits."""
    made = struct.pack('<3Q', 0x112, 0, len(params))
    for array in params.values():
        made += struct.pack('<%dI' % (1 + array.ndim), array.ndim, *array.shape)
        made += struct.pack('<3i', 1, 0, 0) + array.asnumpy().tobytes()  # the CPU 0, float32
    made += struct.pack('<Q', len(params))
    return made + b''.join(struct.pack('<Q', len(name)) + name.encode() for name in params)


OLD = ('arcface', 'mtcnn_p', 'mtcnn_o', 'ssd', 'sagemaker', 'fcn', 'lstm', 'mlp')  # of those days
AGES = {'0.8': as_0_8, '0.9': as_0_9}


def write_kind(name, folder, age=None):
    """Write a checkpoint of one kind into the new `folder`, of this MXNet or of another age."""
    os.makedirs(folder)
    mx.random.seed(1)
    np.random.seed(1)
    if name in GLUON:
        return GLUON[name](folder)
    build, prefix, epoch = KINDS[name]
    with mx.name.NameManager():
        symbol = build()
    path = os.path.join(folder, prefix)
    params = random_params(symbol, SHAPES[name], LABELS.get(name, {}), len(name))
    text = symbol.tojson()
    if name == 'warpctc':
        graph = json.loads(text)
        graph['nodes'][-1].update(op='WarpCTC', attrs={'input_length': '4', 'label_length': '2'})
        text = json.dumps(graph, indent=2)
    with open(path + '-symbol.json', 'w') as f:
        f.write(AGES[age](text) if age else text)
    if age:
        with open('%s-%04d.params' % (path, epoch), 'wb') as f:
            f.write(old_params(params))
    else:
        mx.nd.save('%s-%04d.params' % (path, epoch), params)
    if name in ('sagemaker', 'ssd') and not age:
        with open(os.path.join(folder, 'model-shapes.json'), 'w') as f:
            json.dump([{'name': each, 'shape': (1,) + sides}
                       for each, sides in SHAPES[name].items()], f)
    return None


def pack(folder):
    """Replace a folder by its .tar.gz, the same each time, as SageMaker leaves a model."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode='w') as archive:
        for where, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                path = os.path.join(where, name)
                archive.add(path, os.path.relpath(path, folder), filter=lambda info: (
                    setattr(info, 'mtime', 0) or info))
                os.remove(path)
    with open(folder + '.tar.gz', 'wb') as f, gzip.GzipFile('', 'wb', 9, f, 0) as packed:
        packed.write(content.getvalue())
    os.rmdir(folder)


def main(folder, *kinds):
    for name in kinds or list(KINDS) + list(GLUON):
        for age in [None] + list(AGES if mx.__version__.startswith('1.7') and name in OLD else ()):
            path = os.path.join(folder, 'mxnet-%s' % (age or mx.__version__[:3]), name)
            write_kind(name, path, age)
            pack(path)
    with open(os.path.join(folder, 'inputs.json'), 'w') as f:  # for the tests
        json.dump(SHAPES, f, indent=1)


if __name__ == '__main__':
    main(*sys.argv[1:])
