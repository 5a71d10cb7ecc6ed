"""A run, or any Gluon net -> a folder of verified files in the requested formats."""
import importlib.util
import os
from functools import partial

import mxnet as mx
import numpy as np

from .. import __version__
from ..checks import OptionError, check_positive
from ..data.batches import BatchLoader
from ..devices import devices_of
from ..files import readable
from ..mxnet_private import is_initialized
from ..runs.config import read_config
from ..runs.data import load_both
from ..runs.load import load_run
from ..runs.records import HistoryRow, read_csv
from .description import Batch, Images, NetDescription, Options
from .formats import get_format
from .graph import prediction_symbol
from .inputs import random_inputs
from .verify import mxnet_engine
from .write import write_all

NUM_CALIBRATION = 512  # training images that give the ranges of 8 bits
LARGEST_BATCH = 256
BATCH_VALUES = LARGEST_BATCH * 96 * 96  # of a batch of larger images, which has fewer


def export_run(folder, formats=('onnx',), weights='best', out=None, with_preprocessing=False,
               atol=1e-4, max_drop=1.0, ctx=None, data_root=None, reduce_range=False,
               runtime=None):
    """Write the net of the run in `folder` into the folder `out` (None: its own 'export').

    Every test image of the run's data goes through every file, and batches of 1, 3 and 256 do: see
    `verify` for what is allowed, by `atol` and, in 8 bits, `max_drop`. `out` is new, empty, or has
    an earlier export, which is replaced once all files are there; if one fails, it stays.

    `formats` are names of `FORMATS`, `weights` is 'best', 'last' or 'final'. With
    `with_preprocessing` ONNX files take raw uint8 images, (N, 28, 28), and resize and scale them.
    `reduce_range` is for 8 bits on CPUs without VNNI: see int8.py. `ctx` is the device MXNet
    computes on, and `data_root` the data's folder, if not the one that the run was trained on.
    `runtime` is the archive of ONNX Runtime Web that `npm pack` writes (None: npm fetches it).

    Returns an `Export`, which is also in `out`'s export.json. Its `info` is what the files carry:
    'classes', names; 'input', [C, H, W]; 'resize', the side that images of 28x28 are resized to,
    or None; 'scaling', 'x / 255'; 'ground', 'dark', of registered data sets; 'preprocessing',
    'inside' or 'outside'; 'model', 'dataset', 'data_sha256', 'weights_sha256', 'accuracy' of MXNet
    on the test images, and 'gluonblocks', the version.

    Raises VerificationError, a ValueError; ValueError for an `out` that contains anything else;
    ImportError if something is not installed; and what `load_run` and the data set raise.
    """
    formats = check_formats(formats, atol, max_drop)
    read_config(folder)  # a folder that is no run is reported first
    check_installed(formats)
    ctx = devices_of(ctx)[:1]
    block, config = load_run(folder, ctx=ctx, weights=weights)
    train, test = load_both(config, data_root)
    config = dict(config, dataset=readable(config['dataset']))
    if with_preprocessing and not isinstance(test, BatchLoader):
        raise ValueError('the data set %r has a loader of its own, and what it does to pictures is '
                         'not known here: export without preprocessing' % config['dataset'])
    if with_preprocessing and config['channels'] == 3:
        raise ValueError('the pictures of %r are in colour, which preprocessing within the file '
                         'does not take: export without it' % config['dataset'])
    images = Images(lambda: (Batch((X.asnumpy(),), y.asnumpy(), pictures)
                             for (X, y), pictures in zip(test, _pictures(test))))
    calibration = Images(lambda: (Batch((X.asnumpy(),)) for X, _ in train))
    info = {
        'model': config['model'], 'dataset': config['dataset'],
        'classes': config['class_names'], 'resize': config['resize'], 'scaling': 'x / 255',
        'preprocessing': 'inside' if with_preprocessing else 'outside',
        'data_sha256': config['data_sha256']}
    if ':' not in config['dataset']:  # we cannot know whether a user's images are light on dark
        info['ground'] = 'dark'
    symbol, params = prediction_symbol(block)
    shape = images.first(1).X.shape
    net = describe(symbol, params, {'data': shape}, ['logits'], info, images,
                   calibration=calibration.first(min(NUM_CALIBRATION, len(train.labels))).X,
                   picture_size=tuple(config['picture_size']))
    try:
        history = read_csv(HistoryRow, os.path.join(folder, 'history.csv'))
    except (OSError, ValueError):  # the card leaves out what is lost
        history = ()
    return write_all(net, partial(mxnet_engine, block, ctx[0]), formats,
                     Options(with_preprocessing, reduce_range, runtime),
                     os.path.join(folder, 'export') if out is None else out, atol, max_drop,
                     {'config': config, 'history': history, 'weights': weights})


def export_net(net, shape, path='export', formats=('onnx',), classes=None, data=None, labels=None,
               with_preprocessing=False, atol=1e-4, max_drop=1.0, reduce_range=False,
               runtime=None):
    """Write any Gluon net into the folder `path`: an `Export`.

    `shape` is the input's without the batch, (C, H, W) for images, or a dict of such shapes for a
    net of several inputs, in their order; it may give any number of arrays. Labels of losses within
    the net are among its inputs, but not among those of the files. `net` is of hybrid blocks,
    Gluon's, ours or others', initialized, and stays as it is, hybridized or not. A net in float16
    is exported in float32, and verified against itself in float32. A net of images that gives
    (N, classes) is a classifier, and `classes` are the classes' names.

    A classifier is verified as by `export_run`, on `data` with `labels` (n,) if they are known;
    without, on random images, always the same. Batches of large images have fewer than 256: 15 of
    3x224x224. `data` are what the net takes, float32
    (n, C, H, W), or uint8 images, (n, H, W) or in colour (n, C, H, W), which are divided by 255;
    `with_preprocessing` needs those. Another net is verified on random numbers from 0 to 1, all
    outputs.

    Raises ValueError for a net that cannot be made into a graph, and what `export_run` does.
    """
    formats = check_formats(formats, atol, max_drop)
    check_installed(formats)
    shapes = dict(shape) if isinstance(shape, dict) else {'data': shape}
    for sides in shapes.values():
        for side in sides:
            check_positive('a number of shape', side)
    inputs = {name: (1,) + tuple(sides) for name, sides in shapes.items()}
    params = list(net.collect_params().values())
    ctx = params[0].list_ctx()[0] if params and is_initialized(params[0]) else mx.cpu()
    if not all(is_initialized(param) for param in params):  # the first input gives the shapes
        net(*[mx.nd.zeros(sides, ctx=ctx) for sides in inputs.values()])
    symbol, arrays = prediction_symbol(net, list(inputs))
    used = set(symbol.list_inputs())
    unused = [(i, inputs[name]) for i, name in enumerate(inputs) if name not in used]
    inputs = {name: sides for name, sides in inputs.items() if name in used}
    _, outputs, _ = symbol.infer_shape(
        **dict({name: array.shape for name, array in arrays.items()}, **inputs))
    first = next(iter(inputs.values()))[1:]
    info = {'model': net.name, 'preprocessing': 'inside' if with_preprocessing else 'outside'}
    if len(inputs) == len(outputs) == 1 and len(first) == 3 and len(outputs[0]) == 2:
        images, X = _images(first, data, labels, with_preprocessing)
        info['classes'] = (['class %d' % i for i in range(outputs[0][1])] if classes is None
                           else [str(name) for name in classes])
        if with_preprocessing:
            info.update(resize=None, scaling='x / 255')
        description = describe(symbol, arrays, inputs, ['logits'], info, images,
                               calibration=X[:NUM_CALIBRATION], picture_size=first[1:])
    elif data is None and labels is None and classes is None and not with_preprocessing:
        twice = {name: (2,) + sides[1:] for name, sides in inputs.items()}
        names = ['output%d' % i for i in range(len(outputs))] if outputs[1:] else ['output']
        description = describe(symbol, arrays, inputs, names, info, random_inputs(inputs, twice))
    else:
        raise ValueError('data, labels, classes and with_preprocessing are for nets that give '
                         '(N, classes) for images (N, C, H, W); this one gives %s'
                         % ' and '.join(map(str, outputs)))
    engine = partial(mxnet_engine, net, ctx, unused)
    if any(np.dtype(param.dtype) != np.float32 for param in params):
        engine = partial(mxnet_engine, description.block(), mx.cpu())
    return write_all(description, engine, formats,
                     Options(with_preprocessing, reduce_range, runtime), path, atol, max_drop)


def describe(symbol, params, inputs, outputs, info, images, **known):
    """A `NetDescription` with what every export's info has; `known` are further fields."""
    first = next(iter(inputs.values()))
    net = NetDescription(symbol, params, inputs, outputs,
                         dict(info, input=list(first[1:]), gluonblocks=__version__,
                              outputs=list(outputs), verified_on=images.words), images,
                         **known)
    net.info['weights_sha256'] = net.weights_sha256()
    return net


def check_formats(names, atol, max_drop):
    """The `Format` of each name, each once. Raises ValueError for one that does not exist."""
    for name, value in (('atol', atol), ('max_drop', max_drop)):
        if not value >= 0:
            raise OptionError(name, 'is %r, but must be a number from 0', value)
    names = [names] if isinstance(names, str) else list(dict.fromkeys(names))
    if not names:
        raise ValueError('there is no format to export to, but one at least is needed')
    return [get_format(name) for name in names]


def check_installed(formats):
    """Raise ImportError, with what to install, if a format needs what is missing."""
    for format in formats:
        for name in format.needs:
            if importlib.util.find_spec(name) is None:
                raise ImportError("the format %s needs %s, which is not installed. Install it "
                                  "with\n  pip install 'gluonblocks[%s]'"
                                  % (format.name, name, format.extra))


def _pictures(loader):
    """The uint8 images of a `BatchLoader`'s batches, or None for each of another loader's."""
    known = isinstance(loader, BatchLoader)
    for i in range(len(loader)):
        start = i * loader.batch_size if known else 0
        yield loader.images[start:start + loader.batch_size] if known else None


def _images(shape, data, labels, with_preprocessing):
    """(images, X): the `Images` that a classifier is verified on, and all of its input."""
    X, pictures = _given(data, shape, with_preprocessing)
    labels = None if labels is None else np.asarray(labels)
    if labels is not None and labels.shape != (len(X),):
        raise ValueError('labels have shape %s, but must be one for each of %d images'
                         % (labels.shape, len(X)))
    size = _batch_size(shape)
    return Images(lambda: (
        Batch((X[i:i + size],), *[None if array is None else array[i:i + size]
                                  for array in (labels, pictures)])
        for i in range(0, len(X), size)), largest=min(size, max(4, len(X)))), X


def _batch_size(shape):
    return int(np.clip(BATCH_VALUES // np.prod(shape), 4, LARGEST_BATCH))


def _given(data, shape, with_preprocessing):
    """(X, pictures) of what `export_net` is verified on: the user's `data`, or random images."""
    sides = shape[1:] if shape[0] == 1 else shape
    if data is None:
        data = np.random.RandomState(0).randint(
            0, 256, (_batch_size(shape),) + sides).astype(np.uint8)
    data = data.asnumpy() if isinstance(data, mx.nd.NDArray) else np.asarray(data)
    is_pictures = data.dtype == np.uint8 and data.shape[1:] == sides
    if not len(data) or not is_pictures and (with_preprocessing or data.shape[1:] != shape):
        raise ValueError('data are %s of shape %s, but must be %s of shape (n, %s)' % (
            data.dtype, data.shape, 'uint8' if with_preprocessing else 'numbers',
            ', '.join(map(str, sides if with_preprocessing else shape))))
    if not is_pictures:
        return data.astype(np.float32, copy=False), None
    return (data.astype(np.float32) / 255).reshape((len(data),) + shape), data
