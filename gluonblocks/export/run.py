"""A run, or any Gluon net -> a folder of files in the formats that were asked for."""
import hashlib
import os

import mxnet as mx
import numpy as np
from mxnet import gluon

from .. import __version__
from ..checks import check_positive
from ..data.batches import BatchLoader
from ..devices import devices_of
from ..files import readable
from ..mxnet_private import is_initialized
from ..runs.data import load_both
from ..runs.load import load_run
from ..runs.weights import net_arrays
from .formats import Batch, Images, Job, get_format
from .graph import prediction_symbol
from .verify import mxnet_engine
from .write import write_all

NUM_CALIBRATION = 512  # training images that formats may look at


def export_run(folder, formats=('onnx',), weights='best', out=None, with_preprocessing=False,
               atol=1e-4, max_drop=1.0, ctx=None, data_root=None, reduce_range=False):
    """Write the net of the run in `folder` into the folder `out` (None: its own 'export').

    Every test image of the run's data goes through every file, and batches of 1, 3 and 256 do: see
    `verify` for what is allowed, by `atol` and, in 8 bits, `max_drop`. `out` is new, empty, or has
    an earlier export, which is replaced once all files are there; if one fails, it stays.

    `formats` are names of `FORMATS`, `weights` is 'best', 'last' or 'final'. With
    `with_preprocessing` the files that can, take raw uint8 pictures, (N, 28, 28), and resize and
    scale them. `reduce_range` is for 8 bits on CPUs without VNNI: see int8.py. `ctx` is the device
    MXNet computes on, and `data_root` the data's folder, if not the one that the run was trained
    on.

    Returns an `Export`, which is also in `out`'s export.json. Its `info` is what the files carry:
    'classes', names; 'input', [C, H, W]; 'resize', the side that pictures of 28x28 are resized to,
    or None; 'scaling', 'x / 255'; 'ground', 'dark', of registered data sets; 'preprocessing',
    'inside' or 'outside'; 'model', 'dataset', 'data_sha256', 'weights_sha256', 'accuracy' of MXNet
    on the test images, and 'gluonblocks', the version.

    Raises VerificationError, a ValueError; ValueError for an `out` that holds anything else;
    ImportError where something is not installed; and what `load_run` and the data set raise.
    """
    formats = _formats(formats, atol, max_drop)
    ctx = devices_of(ctx)[:1]
    net, config = load_run(folder, ctx=ctx, weights=weights)
    train, test = load_both(config, data_root)
    config = dict(config, dataset=readable(config['dataset']))
    if with_preprocessing and not isinstance(test, BatchLoader):
        raise ValueError('the data set %r has a loader of its own, and what it does to pictures is '
                         'not known here: export without preprocessing' % config['dataset'])
    if with_preprocessing and config['channels'] == 3:
        raise ValueError('the pictures of %r are in colour, which preprocessing within the file '
                         'does not take: export without it' % config['dataset'])
    images = Images(lambda: (Batch(X.asnumpy(), y.asnumpy(), pictures) for (X, y), pictures in zip(
        test, _pictures(test))))
    calibration = Images(lambda: (Batch(X.asnumpy(), None, None) for X, _ in train))
    first = images.first(1)
    info = {
        'model': config['model'], 'dataset': config['dataset'],
        'classes': config['class_names'], 'resize': config['resize'], 'scaling': 'x / 255',
        'data_sha256': config['data_sha256']}
    if ':' not in config['dataset']:  # what ground the pictures of others have is not known
        info['ground'] = 'dark'
    job = _job(net, first.X.shape[1:], info, images, with_preprocessing,
               reduce_range=reduce_range, config=config, run=os.path.abspath(folder),
               weights=weights,
               calibration=calibration.first(min(NUM_CALIBRATION, len(train.labels))).X,
               picture_size=tuple(config['picture_size']))
    return write_all(job, mxnet_engine(net, ctx[0]), formats,
                   os.path.join(folder, 'export') if out is None else out, atol, max_drop)


def export_net(net, shape, path='export', formats=('onnx',), classes=None, data=None, labels=None,
               with_preprocessing=False, atol=1e-4, max_drop=1.0, reduce_range=False):
    """Write any Gluon net, (N, C, H, W) -> (N, classes), into the folder `path`: an `Export`.

    `shape` is (C, H, W). `net` is of hybrid blocks, Gluon's, ours or others', initialized, and
    stays as it is; whether it is hybridized does not matter. One in float16 leaves in float32, and
    is then verified against itself in float32. `classes` are the classes' names.

    It is verified as by `export_run`, on `data`, float32 (n, C, H, W), with `labels` (n,) if they
    are known; without, on random numbers from 0 to 1, always the same. With `with_preprocessing`
    `data` are uint8 pictures, (n, H, W) or in colour (n, C, H, W), which are divided by 255.

    Raises ValueError for a net that cannot be made into a graph, and what `export_run` does.
    """
    formats = _formats(formats, atol, max_drop)
    for side in shape:
        check_positive('a number of shape', side)
    shape = tuple(shape)
    params = list(net.collect_params().values())
    ctx = params[0].list_ctx()[0] if params and is_initialized(params[0]) else mx.cpu()
    if not all(is_initialized(param) for param in params):  # the first input tells the shapes
        net(mx.nd.zeros((1,) + shape, ctx=ctx))
    X, pictures = _given(data, shape, with_preprocessing)
    labels = None if labels is None else np.asarray(labels)
    if labels is not None and labels.shape != (len(X),):
        raise ValueError('labels have shape %s, but must be one for each of %d images'
                         % (labels.shape, len(X)))
    size = 256
    images = Images(lambda: (
        Batch(*[None if array is None else array[i:i + size] for array in (X, labels, pictures)])
        for i in range(0, len(X), size)))
    info = {'model': net.name}
    if classes is not None:
        info['classes'] = [str(name) for name in classes]
    if with_preprocessing:
        info.update(resize=None, scaling='x / 255')
    job = _job(net, shape, info, images, with_preprocessing, reduce_range=reduce_range,
               calibration=X[:NUM_CALIBRATION], picture_size=shape[1:])
    here = mxnet_engine(net, ctx)
    if any(np.dtype(param.dtype) != np.float32 for param in params):
        here = mxnet_engine(_block(job), mx.cpu())
    return write_all(job, here, formats, path, atol, max_drop)


def _formats(names, atol, max_drop):
    """The `Format`s of these names, each once; an error for one that cannot be written here."""
    for name, value in (('atol', atol), ('max_drop', max_drop)):
        if not value >= 0:
            raise ValueError('%s is %r, but must be a number from 0' % (name, value))
    names = [names] if isinstance(names, str) else list(dict.fromkeys(names))
    if not names:
        raise ValueError('there is no format to export to, but one at least is needed')
    formats = [get_format(name) for name in names]
    for format in formats:
        format.check_installed()
    return formats


def _pictures(loader):
    """The uint8 pictures of a `BatchLoader`'s batches, or None for each of another loader's."""
    known = isinstance(loader, BatchLoader)
    for i in range(len(loader)):
        start = i * loader.batch_size if known else 0
        yield loader.images[start:start + loader.batch_size] if known else None


def _given(data, shape, pictures):
    """(X, pictures) of what `export_net` is verified on: the user's `data`, or random numbers."""
    rng = np.random.RandomState(0)
    expected = (shape[1:] if shape[0] == 1 else shape) if pictures else shape
    if data is None:
        data = (rng.randint(0, 256, (256,) + expected).astype(np.uint8) if pictures else
                rng.uniform(size=(256,) + expected).astype(np.float32))
    elif isinstance(data, mx.nd.NDArray):
        data = data.asnumpy()
    data = np.asarray(data)
    if data.shape[1:] != expected or not len(data) or pictures and data.dtype != np.uint8:
        raise ValueError('data are %s of shape %s, but must be %s of shape (n, %s)' % (
            data.dtype, data.shape, 'uint8' if pictures else 'numbers',
            ', '.join(map(str, expected))))
    if not pictures:
        return data.astype(np.float32, copy=False), None
    return (data.astype(np.float32) / 255).reshape((len(data),) + shape), data


def _job(net, shape, info, test, with_preprocessing, **rest):
    symbol, params = prediction_symbol(net)
    digest = hashlib.sha256()
    for name, array in sorted(net_arrays(net).items()):
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    info = dict(info, input=list(shape), weights_sha256=digest.hexdigest(),
                preprocessing='inside' if with_preprocessing else 'outside',
                gluonblocks=__version__)
    return Job(symbol=symbol, params=params, shape=tuple(shape), info=info, test=test,
               with_preprocessing=with_preprocessing, shared={}, folder=None,
               **dict({'config': None, 'run': None, 'weights': None}, **rest))


def _block(job):
    """The job's graph as a Gluon block, in float32."""
    block = gluon.SymbolBlock(job.symbol, mx.sym.var('data'))
    block.initialize()
    for name, param in block.collect_params().items():
        param.set_data(job.params[name])
    return block
