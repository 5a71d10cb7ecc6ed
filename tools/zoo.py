"""Export nets with random weights from GluonCV's and MXNet's model zoos, and tabulate the results.

    python -m tools.zoo [NAME ...] [--like SELECTED]

If no NAME is given, all nets listed in tools/zoo.py that have no result yet are exported. Each net
runs in a separate process, so a crash or a timeout affects only its row. The script needs the
`export`, `torch` and `gluoncv` extras. For comparison, it also runs MXNet's own exporter,
mx.onnx.export_model.
"""
import argparse
import json
import multiprocessing
import os
import tempfile
import types
from importlib.metadata import version

# Import gluonblocks first, because importing MXNet would fail without gluonblocks' patches.
import gluonblocks as gb  # isort: skip
import gluoncv  # noqa: I001
import mxnet as mx
import numpy as np
import onnx
import onnxruntime
import torch
from gluonblocks.export.graph import flat  # isort: skip

RESULTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'results')
FILE, TABLE = os.path.join(RESULTS, 'zoo.jsonl'), os.path.join(RESULTS, 'zoo.md')
TOLERANCE = 1e-4
SECONDS = 900  # time limit for a net
COLUMNS = ('onnx', 'torch', 'mxnet')
# {(task, image size): names}, the smallest nets of each family and of each variant of its topology.
# The image sizes are as small as the nets allow. Nets from MXNet's zoo are called 'vision:NAME'.
SELECTED = {
    ('classifier', 32): """
        resnet18_v1 resnet50_v1 resnet18_v2 resnet50_v2 resnet18_v1b resnet50_v1b resnet50_v1b_gn
        resnet50_v1c resnet50_v1d resnet50_v1e resnet50_v1s resnet18_v1b_0.89 resnet50_v1d_0.11
        se_resnet18_v1 se_resnet50_v1 se_resnet18_v2 se_resnet50_v2 resnext50_32x4d
        se_resnext50_32x4d senet_154 vgg11 vgg11_bn shufflenet_v1 shufflenet_v2 xception
        xception71 darknet53 dla34 nasnet_4_1056 mobilenet0.5 mobilenetv2_0.25 mobilenetv2_0.5
        mobilenetv3_small mobilenetv3_large cifar_resnet20_v1 cifar_resnet20_v2
        cifar_wideresnet16_10 cifar_resnext29_32x4d cifar_residualattentionnet56
        vision:resnet18_v1 vision:resnet18_v2 vision:vgg11 vision:vgg11_bn vision:mobilenet0.25
        vision:mobilenetv2_0.25""",
    ('classifier', 64): 'alexnet resnest14 hrnet_w18_small_v1_c hrnet_w18_small_v2_c',
    ('classifier', 224): """
        densenet121 googlenet squeezenet1.0 squeezenet1.1 residualattentionnet56 vision:alexnet
        vision:densenet121 vision:squeezenet1.0 vision:squeezenet1.1""",
    ('classifier', 299): 'inceptionv3 vision:inceptionv3',
    ('segmentation', 64): """
        fcn_resnet50_ade psp_resnet50_ade deeplab_resnet50_ade deeplab_resnest50_ade
        deeplab_v3b_plus_wideresnet_citys icnet_resnet50_citys fastscnn_citys danet_resnet50_citys
        hrnet_w18_small_v1_s hrnet_w18_small_v2_s""",
    ('SSD', 300): 'ssd_300_vgg16_atrous_voc ssd_300_mobilenet0.25_voc',
    ('SSD', 512): 'ssd_512_resnet18_v1_voc',
    ('YOLOv3', 64): 'yolo3_darknet53_voc yolo3_mobilenet0.25_voc',
    ('CenterNet', 64): """
        center_net_resnet18_v1b_voc center_net_resnet18_v1b_dcnv2_voc center_net_dla34_voc
        center_net_mobilenetv3_small_duc_voc""",
    ('pose', 64): """
        simple_pose_resnet18_v1b mobile_pose_resnet18_v1b mobile_pose_mobilenetv3_small
        alpha_pose_resnet101_v1b_coco""",
}
# Ranges of random values for parameters whose default initial values, 0 or 1, would hide errors.
RANGES = {'var': (0.8, 1.2), 'gamma': (0.8, 1.2), 'mean': (-0.1, 0.1), 'beta': (-0.1, 0.1),
          'bias': (-0.1, 0.1)}


def build(name, group, side):
    """Return the net `name` with random weights, scales, biases and running statistics."""
    mx.random.seed(0)
    options = {'pretrained': False}
    if group != 'classifier' and 'hrnet' not in name:
        options.update(pretrained_base=False)
    if group == 'segmentation' and 'hrnet' not in name:
        options.update(crop_size=side)
    source, _, short = name.rpartition(':')
    zoo = mx.gluon.model_zoo.vision if source else gluoncv.model_zoo
    net = zoo.get_model(short, **options)
    net.initialize()
    net(mx.nd.zeros((1, 3, side, side)))
    params = net.collect_params()
    for param in params.values():
        kind = param.name.rpartition('_')[2]
        if kind == 'weight':  # this scale keeps the size of activations similar in all layers
            scale = (2 / max(np.prod(param.shape[1:]), 1)) ** 0.5
            if any(head in param.name for head in ('convpredictor', 'centernet', 'yolooutput')):
                # Shrink the output weights, because scores that round to 1 cannot be ranked.
                scale /= 1e4 if 'darknet53' in name else 100 if 'vgg' in name else 10
            if name == 'senet_154' and param.name.replace('weight', 'bias') in params:
                scale /= 10  # otherwise, its 50 gates would each amplify rounding errors 1.4-fold
            param.set_data(mx.nd.random.normal(0, scale, param.shape))
        elif kind in RANGES:
            param.set_data(mx.nd.random.uniform(*RANGES[kind], shape=param.shape))
    return net


def attempt(function, *args):
    """Return `function(*args)`, or a one-line summary of the exception that it raises."""
    try:
        return function(*args)
    except Exception as error:
        return '%s: %s' % (type(error).__name__, ' '.join(str(error).split())[:200])


def by_gluonblocks(net, X, folder, format):
    """Export with `export_net`; return 'yes' and the largest difference, as in 'yes, 2e-06'."""
    # If `data` is passed, `export_net` also compares gradients, which requires a classifier: a net
    # with a single output of shape (N, classes).
    data = {'data': X} if [Y.ndim for Y in flat(net(mx.nd.array(X)))] == [2] else {}
    export = gb.export_net(net, X.shape[1:], os.path.join(folder, format), format, **data)
    return 'yes, %.0e' % export.formats[0].verified.largest_difference


def by_mxnet(net, X, folder):
    """Export with MXNet's exporter; return a verdict and largest difference, as in 'yes, 2e-06'."""
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
        return 'wrong: different shapes'
    off = max(float(np.abs(a - b).max() / max(1, np.abs(a).max())) for a, b in zip(wanted, found))
    return '%s, %.0e' % ('yes' if off <= TOLERANCE else 'wrong', off)


def mend_onnx():
    """Restore onnx.mapping, which MXNet's exporter needs but newer versions of onnx lack."""
    dtypes = map(np.dtype, 'float16 float32 float64 int8 int32 int64 uint8 bool'.split())
    pairs = {dtype: onnx.helper.np_dtype_to_tensor_dtype(dtype) for dtype in dtypes}
    onnx.mapping = types.SimpleNamespace(
        NP_TYPE_TO_TENSOR_TYPE=pairs, TENSOR_TYPE_TO_NP_TYPE={v: k for k, v in pairs.items()})


def work(row):
    """Export the net named in `row` to all formats, and append the completed row to the results."""
    torch.set_num_threads(1)
    onnxruntime.set_default_logger_severity(3)
    if not hasattr(onnx, 'mapping'):
        mend_onnx()
    net = attempt(build, row['name'], row['group'], row['side'])
    if isinstance(net, str):
        return rows(dict(row, error=net))
    row['parameters'] = sum(param.data().size for param in net.collect_params().values())
    X = np.random.RandomState(0).uniform(0, 1, (4, 3, row['side'], row['side'])).astype('float32')
    with tempfile.TemporaryDirectory() as folder:
        for format in ('onnx', 'torch'):
            row[format] = attempt(by_gluonblocks, net, X, folder, format)
        row['mxnet'] = attempt(by_mxnet, net, X[:1], folder)
    rows(row)


def rows(*more):
    """Append rows to the results file; return {net name: its last row in the file}."""
    with open(FILE, 'a+') as f:
        f.writelines(json.dumps(row) + '\n' for row in more)
        f.seek(0)
        return {row['name']: row for row in map(json.loads, f)}


HEAD = """# The zoo with random weights

Written by `python -m tools.zoo`. The nets are a selection from GluonCV {gluoncv} and from the model
zoo of MXNet {mxnet} (`vision:`): the smallest members of each family, and of each variant of its
topology. Wider and deeper members repeat the same layers. To export one of them, run
`python -m tools.zoo NAME`.

Each net has random weights and is exported with `export_net`, which compares every output of the
file with MXNet's at several batch sizes, and for PyTorch classifiers also the gradients of a
training step. A "yes" precedes the largest difference, as a fraction of the largest output or of
1, whichever is larger. MXNet's own exporter is `mx.onnx.export_model`. Its file runs on one image
in ONNX Runtime {onnxruntime}, and its outputs may differ from MXNet's by at most {tolerance:g}.
`resnet50_v1b_gn` cannot be hybridized: GluonCV's group normalization reads the shape of its input.

| group | nets | ONNX | PyTorch | MXNet's own exporter |
|---|---|---|---|---|
"""


def table(found):
    """Return the rows as Markdown: counts by group, then a row for each net."""
    text = HEAD.format(gluoncv=version('gluoncv'), mxnet=mx.__version__,
                       onnxruntime=onnxruntime.__version__, tolerance=TOLERANCE)
    for group in dict.fromkeys(row['group'] for row in found):
        members = [row for row in found if row['group'] == group]
        text += '| %s | %d | %s |\n' % (group, len(members), ' | '.join(
            str(sum(row.get(column, '').startswith('yes') for row in members))
            for column in COLUMNS))
    text += ('\n| net | input | parameters | ONNX | PyTorch | MXNet\'s own exporter |\n'
             '|---|---|---|---|---|---|\n')
    for row in found:
        cells = [row.get(column, row.get('error', ''))[:70].replace('|', '/') for column in COLUMNS]
        text += '| {name} | 3x{side}x{side} | {parameters:,} | {} | {} | {} |\n'.format(
            *cells, **dict({'parameters': 0}, **row))
    return text


def main():
    """Export the given nets (default: those in SELECTED without a result), and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('names', nargs='*', metavar='NAME',
                        help='nets to export (default: all nets listed in tools/zoo.py that have '
                             'no result yet)')
    parser.add_argument('--like', metavar='SELECTED', default='densenet121',
                        help='net in tools/zoo.py whose task and image size are used for any '
                             'NAME not listed there (default: %(default)s)')
    args = parser.parse_args()
    selected = {name: net for net, names in SELECTED.items() for name in names.split()}
    chosen = args.names or [name for name in selected if name not in rows()]
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['tools.zoo'])
    for i, name in enumerate(chosen):
        print('%d of %d: %s' % (i + 1, len(chosen), name), flush=True)
        group, side = selected[name if name in selected else args.like]
        row = {'name': name, 'group': group, 'side': side}
        process = context.Process(target=work, args=(row,))
        process.start()
        process.join(SECONDS)
        if process.exitcode != 0:
            error = 'still running after %d s' % SECONDS if process.is_alive() else 'crashed'
            process.kill()
            rows(dict(row, error=error))
        print('   ', rows().get(name), flush=True)
    found = {name: {'name': name, 'group': group, 'side': side, 'error': 'not run yet'}
             for name, (group, side) in selected.items()}
    with open(TABLE, 'w') as f:
        f.write(table({**found, **rows()}.values()))


if __name__ == '__main__':
    main()
