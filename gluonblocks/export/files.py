"""A checkpoint of MXNet, of any age -> a folder of verified files in the requested formats."""
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

FORMATS = ('onnx', 'onnx-int8', 'torch')  # those that need no data set
MAX_CALIBRATION = 128  # pictures that give the ranges of 8 bits


def export_files(symbol, params=None, shape=None, path='export', formats=('onnx',), epoch=None,
                 outputs=None, input_range=(0, 1), images=None, mean=None, std=None, calibrate=None,
                 atol=1e-4, max_drop=1.0, reduce_range=False):
    """Write the net of an MXNet checkpoint into the folder `path`: an `Export`.

    `symbol` is a symbol file, the prefix of one, a folder that has one with its parameters, or a
    model.tar.gz of Amazon SageMaker; `params` is the file of parameters (None: the newest of that
    net, or that of `epoch`). `shape` is the input's without the batch, (3, 112, 112), or a dict of
    shapes by name (None: from SageMaker's files, or from the weights of a first dense layer). Files
    of all versions of MXNet are read.

    Losses become what they compute in prediction, and outputs that need a label are left out, with
    a note. `outputs` chooses others: names of any layers. The files take batches of any size, and
    images of any size if the net does; inputs and outputs have the names of the symbol.

    Every output is compared with MXNet's on random input, uniform in `input_range`, and on the
    pictures in the folder `images` if there are any, as (pixels - mean) / std (None: so that pixels
    from 0 to 255 fill `input_range`): see `verify` for what `atol` and, in 8 bits, `max_drop`
    allow. Rows that the net sorts by a score may come in
    another order, since rounding decides between nearly equal scores. The format 'onnx-int8' needs
    `calibrate`, a folder of such pictures as the net was trained on; `reduce_range` is as for
    `export_run`.

    Raises DamagedFile for damaged files; ValueError for a net that cannot be written, with all
    operators that have no counterpart; VerificationError for a file that computes something else.
    """
    formats = check_formats(formats, atol, max_drop)
    for format in formats:
        if format.name not in FORMATS:
            raise ValueError('the format %s is for runs; a checkpoint takes %s'
                             % (format.name, ', '.join(FORMATS)))
    if len(input_range) != 2 or not 0 < input_range[1] - input_range[0] < float('inf'):
        raise ValueError('input_range must be two numbers, the smaller first, got %r'
                         % (input_range,))
    if calibrate is None and any(format.name == 'onnx-int8' for format in formats):
        raise ValueError('the format onnx-int8 needs images that give the ranges of the values: '
                         'name a folder of pictures such as the net was trained on')
    net = read_net(symbol, params, shape, epoch, outputs)
    check_installed(formats)
    std = 255 / (input_range[1] - input_range[0]) if std is None else std
    mean = -input_range[0] * np.asarray(std) if mean is None else mean
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
        notes = [] if twice else ['the files take batches of one only']
        if net.larger and not larger:
            notes.append('the files take images of this size only')
        description = describe(plain, arrays, net.inputs, net.outputs, info, test,
                               calibration=calibration,
                               variants=list(filter(None, [twice, larger])))
        try:
            return write_all(
                description, partial(symbol_engine, net.original, net.params, list(net.inputs)),
                formats, Options(reduce_range=reduce_range), path, atol, max_drop,
                notes=tuple(net.notes + notes))
        except (ValueError, mx.MXNetError) as error:
            if larger:  # perhaps the sizes are fixed
                larger = None
            elif twice:
                twice = None
            elif isinstance(error, ValueError):
                raise
            else:
                raise ValueError('MXNet cannot compute this net: %s'
                                 % str(error).strip().split('\n')[-1]) from None
