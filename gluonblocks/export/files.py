"""Export a checkpoint from any MXNet version to the requested formats, and verify the files."""
import itertools
import os
import re
from functools import partial

import mxnet as mx
import numpy as np

from .checkpoints import read_net
from .description import Images, Options
from .graph import plain_symbol
from .inputs import folder_images, random_inputs
from .run import check_formats, check_installed, describe
from .verify import symbol_engine
from .write import write_all

FORMATS = ('onnx', 'onnx-int8', 'torch')  # formats that do not need a data set
MAX_CALIBRATION = 128  # maximum number of images for calibrating the 8-bit ranges


def export_files(symbol, params=None, shape=None, path='export', formats=('onnx',), epoch=None,
                 outputs=None, input_range=(0, 1), images=None, mean=None, std=None, calibrate=None,
                 atol=1e-4, max_drop=1.0, reduce_range=False):
    """Export the net of an MXNet checkpoint to the folder `path` and return an `Export`.

    `symbol` is a symbol file or its prefix, a folder with a symbol file and parameters, or a
    model.tar.gz from Amazon SageMaker. Files from all MXNet versions can be read. `params` is the
    .params file (default: the file for `epoch`, or for the last epoch). `shape` is the input shape
    without the batch axis, such as (3, 112, 112), or a dict of shapes by name; by default, it is
    read from SageMaker's files or inferred from the weights of the first dense layer.

    Losses are replaced with their predictions. Outputs that need a label are omitted and listed in
    the export's `notes`. `outputs` lists the layers whose outputs to export instead of the net's.
    If the net accepts any batch size or image size, so do the exported files. Their inputs and
    outputs are named as in the symbol file.

    Every output is compared with MXNet's on random inputs, uniform in `input_range`, and on the
    image files in the folder `images`, scaled as (pixels - mean) / std. By default, pixels from 0
    to 255 are scaled to `input_range`. `verify` explains `atol`, `max_drop` (8 bits only) and why
    rows sorted by score may be swapped. The format 'onnx-int8' requires `calibrate`, a folder of
    images similar to the training images; `export_run` explains `reduce_range`.

    Raises DamagedFile for damaged files, VerificationError if a file's outputs differ, and
    ValueError if the net cannot be exported; the message lists all unsupported operators.
    """
    formats = check_formats(formats, atol, max_drop)
    for format in formats:
        if format.name not in FORMATS:
            raise ValueError('MXNet checkpoints cannot be exported to the format %s; choose from %s'
                             % (format.name, ', '.join(FORMATS)))
    if len(input_range) != 2 or not 0 < input_range[1] - input_range[0] < float('inf'):
        raise ValueError('input_range must be two numbers, the smaller one first, got %r'
                         % (input_range,))
    net = read_net(symbol, params, shape, epoch, outputs)
    check_installed(formats)
    std = 255 / (input_range[1] - input_range[0]) if std is None else std
    mean = -input_range[0] * np.asarray(std) if mean is None else mean
    if (images or calibrate) and len(net.inputs) > 1:
        raise ValueError('folders of images require a net with one input, found the inputs %s: '
                         'omit images, calibrate and the format onnx-int8' % ', '.join(net.inputs))
    first = next(iter(net.inputs.values()))[1:]
    pictures = images and folder_images(images, first, mean, std)
    calibration = calibrate and folder_images(calibrate, first, mean, std).first(MAX_CALIBRATION).X
    arrays = dict(net.params)
    plain = plain_symbol(net.symbol, arrays)
    info = {'model': re.sub('-symbol.json$', '', os.path.basename(net.source)),
            'preprocessing': 'outside', 'input_range': list(input_range),
            'mean': np.asarray(mean).tolist(), 'std': np.asarray(std).tolist()}
    twice, larger = net.twice, net.larger
    while True:
        test = random_inputs(net.inputs, twice, larger, input_range)
        if pictures:
            test = Images(partial(itertools.chain, test, pictures), None,
                          '%s and %s' % (test.words, pictures.words))
        notes = [] if twice else ['the exported files accept only batches of one']
        if net.larger and not larger:
            notes.append('the exported files accept images of only one size')
        description = describe(plain, arrays, net.inputs, net.outputs, info, test,
                               calibration=calibration,
                               variants=list(filter(None, [twice, larger])))
        try:
            return write_all(
                description, partial(symbol_engine, net.original, net.params, list(net.inputs)),
                formats, Options(reduce_range=reduce_range), path, atol, max_drop,
                notes=tuple(net.notes + notes))
        except (ValueError, mx.MXNetError) as error:
            if larger:  # the net may accept only fixed sizes, so retry with fewer variants
                larger = None
            elif twice:
                twice = None
            elif isinstance(error, ValueError):
                raise
            else:
                raise ValueError('MXNet cannot run this net: %s'
                                 % str(error).strip().split('\n')[-1]) from None
