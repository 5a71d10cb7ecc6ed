"""Export the nets of GluonCV's zoo and of MXNet's own, with random weights, and table the outcome.

    python -m tools.zoo [NAME ...]

Without names all nets are exported that are not in the file of results yet. Each net has a process
of its own, so that a crash or a time limit costs one row. Needs the extras export, torch and
gluoncv. The third column is MXNet's own exporter, mx.onnx.export_model, on the same net.
"""
import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import types
from fnmatch import fnmatchcase

# gluonblocks is imported before MXNet, which it makes importable.
import gluonblocks as gb  # isort: skip
import gluoncv  # noqa: I001
import mxnet as mx
import numpy as np
import onnx
import onnxruntime
import torch
from gluonblocks.export.graph import flat  # isort: skip
from gluoncv.model_zoo.model_zoo import _models
from mxnet.gluon.model_zoo import vision

RESULTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'results')
FILE, TABLE = os.path.join(RESULTS, 'zoo.jsonl'), os.path.join(RESULTS, 'zoo.md')
TOLERANCE = 1e-4
# Modules of gluoncv.model_zoo whose nets classify images, and the side of the images here.
CLASSIFIERS = {
    32: ('cifarresnet', 'cifarresnext', 'cifarwideresnet', 'mobilenet', 'mobilenetv3', 'nasnet',
         'resnet', 'resnetv1b', 'resnext', 'senet', 'shufflenet', 'xception', 'yolo.darknet',
         'vgg', 'dla'),
    64: ('alexnet', 'hrnet', 'resnest'),
    224: ('densenet', 'googlenet', 'residual_attentionnet', 'squeezenet'),
    299: ('inception',),
}
# The nets for other tasks: patterns of names, and (H, W).
OTHERS = {
    'segmentation': {'fcn_*_ade': (64, 64), 'psp_*_ade': (64, 64), 'deeplab_*_ade': (64, 64),
                     'deeplab_resnet152_voc': (64, 64), 'hrnet_*_s': (64, 64),
                     'deeplab_v3b_plus_*': (64, 64), 'icnet_resnet50_citys': (64, 64),
                     'fastscnn_citys': (64, 64), 'danet_resnet50_citys': (64, 64)},
    'SSD': {'ssd_300_*_voc': (300, 300), 'ssd_300_mobilenet1.0_lite_coco': (300, 300),
            'ssd_512_*_voc': (512, 512)},
    'YOLOv3': {'yolo3_*_voc': (64, 64)},
    'CenterNet': {'center_net_*_voc': (64, 64)},
    'pose': {'simple_pose_*': (64, 64), 'alpha_pose_*': (64, 64), 'mobile_pose_*': (64, 64)},
}
# Of values other than weights, which are not what nets start with.
RANGES = {'var': (0.8, 1.2), 'gamma': (0.8, 1.2), 'mean': (-0.1, 0.1), 'beta': (-0.1, 0.1),
          'bias': (-0.1, 0.1)}


def nets():
    """{name: (group, H, W)} of all nets: 'vision:NAME' those of MXNet, 'NAME' those of GluonCV."""
    found = {}
    for name, factory in _models.items():
        module = factory.__module__.replace('gluoncv.model_zoo.', '', 1)
        if 'int8' in name or fnmatchcase(name, 'hrnet_*_s'):
            module = None
        if fnmatchcase(name, 'cifar_residualattentionnet*'):
            found[name] = 'classifier', 32, 32
        for side, modules in CLASSIFIERS.items():
            if module in modules:
                found.setdefault(name, ('classifier', side, side))
        for group, patterns in OTHERS.items():
            for pattern, (height, width) in patterns.items():
                if fnmatchcase(name, pattern) and 'int8' not in name:
                    found[name] = group, height, width
    try:
        vision.get_model('')
    except ValueError as error:  # it lists all names
        for name in str(error).split('\n\t')[1:]:
            side = next((side for word, side in [('densenet', 224), ('squeezenet', 224), (
                'inception', 299), ('alexnet', 224)] if word in name), 32)
            found['vision:' + name] = 'classifier', side, side
    return found


def build(name, group, height, width):
    """The net `name`, initialized, with running statistics and norms that are not 0 and 1."""
    mx.random.seed(0)
    source, _, short = name.rpartition(':')
    more = {'pretrained': False}
    if group == 'segmentation' and 'hrnet' not in name:
        more.update(crop_size=height)
    if group not in ('classifier', 'pose') and 'hrnet' not in name:
        more.update(pretrained_base=False)
    net = (vision if source else gluoncv.model_zoo).get_model(short, **more)
    net.initialize()
    net(mx.nd.zeros((1, 3, height, width)))
    for param in net.collect_params().values():
        kind = param.name.rpartition('_')[2]
        if kind == 'weight':  # values keep their size from layer to layer
            scale = (2 / max(np.prod(param.shape[1:]), 1)) ** 0.5
            param.set_data(mx.nd.random.normal(0, scale, param.shape))
        elif kind in RANGES:
            param.set_data(mx.nd.random.uniform(*RANGES[kind], shape=param.shape))
    if group == 'CenterNet':
        # Logits of 30 would make many scores 1, and rounding would choose the boxes among them.
        weight = net.heads[0][-1].weight
        weight.set_data(weight.data() / 10)
    return net


def result(name):
    """The outcome of one net: a dict of what stands in its row."""
    start = time.time()
    group, height, width = nets()[name]
    row = {'name': name, 'group': group, 'input': '3x%dx%d' % (height, width)}
    try:
        net = build(name, group, height, width)
        row['params'] = sum(param.data().size for param in net.collect_params().values())
    except Exception as error:
        return dict(row, net=first_words(error))
    X = np.random.RandomState(0).uniform(0, 1, (4, 3, height, width)).astype('float32')
    with tempfile.TemporaryDirectory() as folder:
        for format in ('onnx', 'torch'):
            try:
                data = {'data': X} if group == 'classifier' else {}
                export = gb.export_net(net, X.shape[1:], os.path.join(folder, format), format,
                                       **data)
                row[format] = 'yes'
                row[format + ' difference'] = export.formats[0].verified.largest_difference
            except Exception as error:
                row[format] = first_words(error)
        try:
            row['mxnet'] = by_mxnet(net, X[:1], folder)
        except Exception as error:
            row['mxnet'] = first_words(error)
    return dict(row, seconds=round(time.time() - start),
                megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)


def by_mxnet(net, X, folder):
    """What MXNet's exporter makes of a net: 'yes', or how far its file is off."""
    wanted = [output.asnumpy() for output in flat(net(mx.nd.array(X)))]
    net.hybridize()
    net(mx.nd.array(X))
    net.export(os.path.join(folder, 'net'))
    file = os.path.join(folder, 'net.onnx')
    mx.onnx.export_model(os.path.join(folder, 'net-symbol.json'),
                         os.path.join(folder, 'net-0000.params'), [X.shape], np.float32, file)
    session = onnxruntime.InferenceSession(file, providers=['CPUExecutionProvider'])
    found = session.run(None, {session.get_inputs()[0].name: X})
    if [each.shape for each in found] != [each.shape for each in wanted]:
        return 'wrong: other shapes'
    off = max(float(np.abs(a - b).max() / max(1, np.abs(a).max())) for a, b in zip(wanted, found))
    return 'yes' if off <= TOLERANCE else 'wrong: off by %.0e' % off


def first_words(error):
    """The beginning of an error, in one line."""
    return '%s: %s' % (type(error).__name__, ' '.join(str(error).split())[:200])


def mend_onnx():
    """Give MXNet's exporter onnx.mapping, which onnx had until 1.17."""
    pairs = {np.dtype(name): onnx.helper.np_dtype_to_tensor_dtype(np.dtype(name)) for name in (
        'float16', 'float32', 'float64', 'int8', 'int32', 'int64', 'uint8', 'bool')}
    onnx.mapping = sys.modules['onnx.mapping'] = types.SimpleNamespace(
        NP_TYPE_TO_TENSOR_TYPE=pairs, TENSOR_TYPE_TO_NP_TYPE={v: k for k, v in pairs.items()})


def work(name, file):
    """In a process of its own: append the result of the net `name` to `file`."""
    torch.set_num_threads(1)
    onnxruntime.set_default_logger_severity(3)
    if not hasattr(onnx, 'mapping'):
        mend_onnx()
    append(file, result(name))


def append(file, row):
    """Add a row to a file of results."""
    with open(file, 'a') as f:
        f.write(json.dumps(row) + '\n')


def rows_of(file):
    """{name: row} of a file of results; of several rows of a net the last counts."""
    if not os.path.exists(file):
        return {}
    with open(file) as f:
        return {row['name']: row for row in map(json.loads, f)}


HEAD = """# The zoo with random weights

Written by `python -m tools.zoo`. Each net of GluonCV 0.10.5 and of MXNet {mxnet}'s model zoo
(`vision:`) has random weights and goes through `export_net`: every output of the file, for several
batch sizes, is compared with MXNet's, and for classifiers in PyTorch also the gradients of a
training step. "Yes" gives the largest difference in parts of the largest output, from 1. The last
column is MXNet's own exporter, `mx.onnx.export_model`, whose file is run in ONNX Runtime
{onnxruntime} on a batch of one; within {tolerance:g} it is right.

| group | nets | ONNX | PyTorch | MXNet's own exporter | not run |
|---|---|---|---|---|---|
"""


def table(rows, known):
    """The results as Markdown: counts by group, and a row for each net."""
    text = HEAD.format(mxnet=mx.__version__, onnxruntime=onnxruntime.__version__,
                       tolerance=TOLERANCE)
    for group in dict.fromkeys(group for group, _, _ in known.values()):
        members = [name for name in known if known[name][0] == group]
        found = [rows[name] for name in members if name in rows]
        text += '| %s | %d | %s | %d |\n' % (group, len(found), ' | '.join(
            str(sum(row.get(column) == 'yes' for row in found))
            for column in ('onnx', 'torch', 'mxnet')), len(members) - len(found))
    text += ('\n| net | input | parameters | ONNX | PyTorch | MXNet\'s own exporter |\n'
             '|---|---|---|---|---|---|\n')
    for name in known:
        if name in rows:
            row = rows[name]
            cells = [row['net'], '', ''] if 'net' in row else [
                outcome(row, column) for column in ('onnx', 'torch', 'mxnet')]
            text += '| %s |\n' % ' | '.join(
                [name, row['input'], '{:,}'.format(row.get('params', 0))] + cells)
    return text


def outcome(row, column):
    """A cell: "yes, 2e-07", or the first words of an error."""
    if row[column] != 'yes':
        return row[column][:70].replace('|', '/')
    difference = row.get(column + ' difference')
    return 'yes' if difference is None else 'yes, %.0e' % difference


def main():
    """Export the nets that are named, or all without a result, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('names', nargs='*', metavar='NAME', help='patterns of names (default: all)')
    parser.add_argument('--file', default=FILE, help='file of results (default: %(default)s)')
    parser.add_argument('--seconds', type=int, default=900, help='time limit of a net')
    args = parser.parse_args()
    known, done = nets(), rows_of(args.file)
    chosen = {name: net for name, net in known.items()
              if any(fnmatchcase(name, pattern) for pattern in args.names)
              or not args.names and name not in done}
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['tools.zoo'])
    for i, (name, (group, height, width)) in enumerate(chosen.items()):
        print('%d of %d: %s' % (i + 1, len(chosen), name), flush=True)
        process = context.Process(target=work, args=(name, args.file))
        process.start()
        process.join(args.seconds)
        if process.exitcode != 0:
            why = 'no end after %d s' % args.seconds if process.is_alive() else 'a crash'
            process.kill()
            append(args.file, {'name': name, 'group': group, 'input': '3x%dx%d' % (height, width),
                               'net': why})
        print('   ', {key: value for key, value in rows_of(args.file).get(name, {}).items()
                      if key not in ('name', 'group')}, flush=True)
    with open(TABLE, 'w') as f:
        f.write(table(rows_of(args.file), known))
    return 0


if __name__ == '__main__':
    sys.exit(main())
