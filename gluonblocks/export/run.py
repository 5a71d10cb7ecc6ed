"""Export a run or any Gluon net to a folder of verified files in the requested formats."""
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
from .checkpoints.inputs import infer_inputs
from .description import Batch, Images, NetDescription, Options
from .formats import get_format
from .graph import prediction_symbol
from .inputs import random_inputs
from .verify import mxnet_engine
from .write import write_all

NUM_CALIBRATION = 512  # maximum number of training images for calibrating the 8-bit ranges
LARGEST_BATCH = 256
BATCH_VALUES = LARGEST_BATCH * 96 * 96  # maximum number of input values in a batch


def export_run(folder, formats=('onnx',), weights='best', out=None, with_preprocessing=False,
               atol=1e-4, max_drop=1.0, ctx=None, data_root=None, reduce_range=False,
               runtime=None):
    """Export the net from the run in `folder` to the folder `out` (None: 'export' in `folder`).

    Every file is verified on all test images of the run's data set and on batches of 1, 3 and 256
    images; see `verify` for the limits `atol` and, for 8-bit files, `max_drop`. `out` must be new,
    empty or an earlier export, which is replaced only after all files pass.

    `formats` are names from `FORMATS`; `weights` is 'best', 'last' or 'final'. With
    `with_preprocessing`, ONNX files take raw uint8 images, (N, 28, 28), and resize and scale them.
    `reduce_range` limits the weights of 8-bit files to 7 bits, for CPUs without VNNI (see int8.py).
    `ctx` is the MXNet device, and `data_root` is the folder that contains the data set (None: as in
    training). `runtime` is the path of an ONNX Runtime Web archive made with `npm pack` (None:
    download it with npm).

    Returns an `Export`, which is also saved to export.json. Its `info` is the metadata stored in
    the files: 'classes', the class names; 'input', [C, H, W]; 'resize', the side in pixels of the
    resized images, or None; 'scaling', 'x / 255'; 'ground', the background of the images, which is
    'dark' for registered data sets; 'preprocessing', 'inside' or 'outside' the file; 'accuracy',
    MXNet's accuracy on the test images; 'gluonblocks', the version; 'model', 'dataset',
    'data_sha256', 'weights_sha256'.

    Raises VerificationError, a ValueError, if a file fails verification; ValueError if `out`
    contains other files; ImportError if a dependency is missing; and the errors of `load_run` and
    the data set.
    """
    formats = check_formats(formats, atol, max_drop)
    read_config(folder)  # so that a folder without a run is reported before missing packages
    check_installed(formats)
    ctx = devices_of(ctx)[:1]
    block, config = load_run(folder, ctx=ctx, weights=weights)
    train, test = load_both(config, data_root)
    config = dict(config, dataset=readable(config['dataset']))
    if with_preprocessing and not isinstance(test, BatchLoader):
        raise ValueError('the data set %r has its own loader, whose preprocessing cannot be '
                         'included in the file: export without preprocessing' % config['dataset'])
    if with_preprocessing and config['channels'] == 3:
        raise ValueError('embedded preprocessing requires greyscale images, but %r has colour '
                         'images: export without preprocessing' % config['dataset'])
    images = Images(lambda: (Batch((X.asnumpy(),), y.asnumpy(), pixels)
                             for (X, y), pixels in zip(test, _pixels(test))))
    calibration = Images(lambda: (Batch((X.asnumpy(),)) for X, _ in train))
    info = {
        'model': config['model'], 'dataset': config['dataset'],
        'classes': config['class_names'], 'resize': config['resize'], 'scaling': 'x / 255',
        'preprocessing': 'inside' if with_preprocessing else 'outside',
        'data_sha256': config['data_sha256']}
    if ':' not in config['dataset']:  # we cannot know the background of a user's images
        info['ground'] = 'dark'
    symbol, params = prediction_symbol(block)
    shape = images.first(1).X.shape
    net = describe(symbol, params, {'data': shape}, ['logits'], info, images,
                   calibration=calibration.first(min(NUM_CALIBRATION, len(train.labels))).X,
                   picture_size=tuple(config['picture_size']))
    try:
        history = read_csv(HistoryRow, os.path.join(folder, 'history.csv'))
    except (OSError, ValueError):  # the model card omits an unreadable history
        history = ()
    return write_all(net, partial(mxnet_engine, block, ctx[0]), formats,
                     Options(with_preprocessing, reduce_range, runtime),
                     os.path.join(folder, 'export') if out is None else out, atol, max_drop,
                     {'config': config, 'history': history, 'weights': weights})


def export_net(net, shape, path='export', formats=('onnx',), classes=None, data=None, labels=None,
               with_preprocessing=False, atol=1e-4, max_drop=1.0, reduce_range=False,
               runtime=None):
    """Export any Gluon net to the folder `path` and return an `Export`.

    `net` is an initialized net of hybrid blocks, which is not modified. `shape` is the input shape
    without the batch axis, such as (C, H, W) for images, or, for a net with several inputs, a dict
    {input name: shape} in input order. If the net contains losses, `shape` must also include the
    shapes of their labels, but the exported files do not take labels as inputs. The net may have
    any number of outputs. A float16 net is exported and verified in float32. A net that maps images
    to (N, classes) is a classifier, and `classes` are its class names.

    A classifier is verified as in `export_run`: on `data`, with `labels` of shape (n,), or on
    random images from a fixed seed if `data` is None. For large images, the largest batch is
    smaller than 256, for example 15 for 3x224x224. `data` is the input of the net, float32
    (n, C, H, W), or uint8 images, (n, H, W) if grey and (n, C, H, W) in colour, which are divided
    by 255; `with_preprocessing` requires uint8. Any other net is verified on random numbers from 0
    to 1, and all outputs are compared.

    Raises ValueError if the net cannot be traced to a graph, and the errors of `export_run`.
    """
    formats = check_formats(formats, atol, max_drop)
    check_installed(formats)
    shapes = dict(shape) if isinstance(shape, dict) else {'data': shape}
    for sides in shapes.values():
        for side in sides:
            check_positive('each size in shape', side)
    inputs = {name: (1,) + tuple(sides) for name, sides in shapes.items()}
    params = list(net.collect_params().values())
    ctx = params[0].list_ctx()[0] if params and is_initialized(params[0]) else mx.cpu()
    if not all(is_initialized(param) for param in params):  # deferred initialization
        net(*[mx.nd.zeros(sides, ctx=ctx) for sides in inputs.values()])
    symbol, arrays = prediction_symbol(net, list(inputs))
    used = set(symbol.list_inputs())
    unused = [(i, inputs[name]) for i, name in enumerate(inputs) if name not in used]
    inputs = {name: sides for name, sides in inputs.items() if name in used}
    known = {name: array.shape for name, array in arrays.items()}
    traced = symbol
    symbol, _ = infer_inputs(traced, known, {name: sides[1:] for name, sides in inputs.items()})
    _, outputs, _ = symbol.infer_shape(**dict(known, **inputs))
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
        raise ValueError('data, labels, classes and with_preprocessing require a net that maps '
                         'images (N, C, H, W) to (N, classes), found outputs of shape %s'
                         % ' and '.join(map(str, outputs)))
    engine = partial(mxnet_engine, net, ctx, unused)
    # If a net's reshapes fix the batch size, running a batch of another size may crash MXNet.
    if symbol is not traced or any(np.dtype(param.dtype) != np.float32 for param in params):
        engine = partial(mxnet_engine, description.block(), mx.cpu())
    return write_all(description, engine, formats,
                     Options(with_preprocessing, reduce_range, runtime), path, atol, max_drop)


def describe(symbol, params, inputs, outputs, info, images, **fields):
    """Return a `NetDescription` with the metadata `info` and the metadata common to all exports.

    `fields` are the optional fields of `NetDescription`.
    """
    first = next(iter(inputs.values()))
    net = NetDescription(symbol, params, inputs, outputs,
                         dict(info, input=list(first[1:]), gluonblocks=__version__,
                              outputs=list(outputs), verified_on=images.words), images,
                         **fields)
    net.info['weights_sha256'] = net.weights_sha256()
    return net


def check_formats(names, atol, max_drop):
    """Return a list of the `Format`s named in `names`. Raises ValueError for invalid arguments."""
    for name, value in (('atol', atol), ('max_drop', max_drop)):
        if not value >= 0:
            raise OptionError(name, 'must be a non-negative number, got %r', value)
    names = [names] if isinstance(names, str) else list(dict.fromkeys(names))
    if not names:
        raise ValueError('expected at least one format, got none')
    return [get_format(name) for name in names]


def check_installed(formats):
    """Raise ImportError, with the install command, if a package that a format needs is missing."""
    for format in formats:
        for name in format.needs:
            if importlib.util.find_spec(name) is None:
                raise ImportError('the %s format requires %s, which is not installed. Install it '
                                  "without changing your NumPy version:\n  python -m pip install "
                                  "'gluonblocks[%s]' numpy==%s"
                                  % (format.name, name, format.extra, np.__version__))


def _pixels(loader):
    """For each batch, yield its uint8 images, or None if `loader` is not a `BatchLoader`."""
    known = isinstance(loader, BatchLoader)
    for i in range(len(loader)):
        start = i * loader.batch_size if known else 0
        yield loader.images[start:start + loader.batch_size] if known else None


def _images(shape, data, labels, with_preprocessing):
    """Return (images, X): the `Images` for verifying a classifier, and all inputs in one array."""
    X, pixels = _inputs(data, shape, with_preprocessing)
    labels = None if labels is None else np.asarray(labels)
    if labels is not None and labels.shape != (len(X),):
        raise ValueError('expected one label for each of %d images, got labels of shape %s'
                         % (len(X), labels.shape))
    size = _batch_size(shape)
    return Images(lambda: (
        Batch((X[i:i + size],), *[None if array is None else array[i:i + size]
                                  for array in (labels, pixels)])
        for i in range(0, len(X), size)), largest=min(size, max(4, len(X)))), X


def _batch_size(shape):
    return int(np.clip(BATCH_VALUES // np.prod(shape), 4, LARGEST_BATCH))


def _inputs(data, shape, with_preprocessing):
    """Return (float32 X, uint8 images or None) from `data`; if None, from random images."""
    sides = shape[1:] if shape[0] == 1 else shape
    if data is None:
        data = np.random.RandomState(0).randint(
            0, 256, (_batch_size(shape),) + sides).astype(np.uint8)
    data = data.asnumpy() if isinstance(data, mx.nd.NDArray) else np.asarray(data)
    is_pixels = data.dtype == np.uint8 and data.shape[1:] == sides
    if not len(data) or not is_pixels and (with_preprocessing or data.shape[1:] != shape):
        raise ValueError('data must be %s array of shape (n, %s), got %s of shape %s' % (
            'a uint8' if with_preprocessing else 'a numeric',
            ', '.join(map(str, sides if with_preprocessing else shape)), data.dtype, data.shape))
    if not is_pixels:
        return data.astype(np.float32, copy=False), None
    return (data.astype(np.float32) / 255).reshape((len(data),) + shape), data
