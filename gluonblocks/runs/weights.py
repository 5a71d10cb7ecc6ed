"""Named arrays: the weights of a net, and files of them with a checksum, as safetensors.

No pickle: a file is numbers and JSON, so reading one runs nothing.
"""
import hashlib
import json
import re

import numpy as np
from mxnet import nd
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from ..files import DamagedFile, read_file
from ..mxnet_private import averaged, finish_initialization, named_parameters

_MARK = re.compile(rb'sha256:([0-9a-f]{64})')
_BLANK = b'0' * 64
MAX_BYTES = 2 ** 30  # 15 times ResNet's weights: with any optimizer, on several devices


def net_arrays(net):
    """Return the weights and statistics of a net: NumPy arrays, by the names of `save_parameters`.

    Each is the mean over the net's devices, whose statistics differ, as in that function.
    """
    nd.waitall()  # statistics that are still being computed would be read as they were before
    return {name: averaged(param).asnumpy() for name, param in named_parameters(net).items()}


def set_net_arrays(net, arrays):
    """Give the parameters of `net`, which is initialized, the values of `net_arrays`.

    Raises ValueError, before anything is set, if a name, a shape or a type does not fit the net.
    """
    params = named_parameters(net)
    if set(params) != set(arrays):
        raise ValueError('the weights are of another net: %s is in one of the two only'
                         % sorted(set(params) ^ set(arrays))[0])
    for name, param in params.items():
        shape = arrays[name].shape  # 0 in the shape of a parameter: not known before an input
        if not arrays[name].size or arrays[name].dtype.kind != 'f':
            raise ValueError('the weights are no weights: %s is %s of shape %s'
                             % (name, arrays[name].dtype, shape))
        if len(param.shape or shape) != len(shape) or any(
                a not in (0, b) for a, b in zip(param.shape or shape, shape)):
            raise ValueError('the weights are of another net: %s has shape %s there, %s here'
                             % (name, shape, param.shape))
    for name, param in params.items():
        param.set_data(nd.array(arrays[name], dtype=param.dtype))
        finish_initialization(param)


def first_non_finite(arrays):
    """Return the name of the first of `arrays`, a dict, with an infinity or NaN, or None."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            return name
    return None


def encode_tensors(tensors, info):
    """Return the bytes of a file with `tensors`, a dict of NumPy arrays, and `info`, for JSON.

    Same content, same bytes. The SHA-256 in the header is over the complete file, with zeros in
    place of its own digits.
    """
    # One entry of metadata, because the order of several is not fixed.
    text = json.dumps(dict(info, checksum='sha256:' + _BLANK.decode()), sort_keys=True)
    content = bytearray(safetensors.save({name: np.ascontiguousarray(array)
                                          for name, array in tensors.items()}, {'info': text}))
    if len(content) > MAX_BYTES:
        raise ValueError('%d bytes of numbers are more than the %d that a file may have'
                         % (len(content), MAX_BYTES))
    start = _MARK.search(content).start(1)
    content[start:start + 64] = hashlib.sha256(content).hexdigest().encode()
    return content


def read_tensors(path):
    """Return (tensors, info) as `encode_tensors` got them.

    Raises DamagedFile if one bit of the file differs, or it is too large.
    """
    return decode_tensors(read_file(path, MAX_BYTES), path)


def decode_tensors(content, where, foreign=False):
    """Return (tensors, info) of bytes by `encode_tensors`; errors name `where` they come from.

    The checksum is compared before anything else is used. With `foreign` a safetensors file of
    another program, which has none, is read too; its `info` is {}. Raises DamagedFile.
    """
    mark = _MARK.search(content)
    if not mark and foreign:
        try:
            return safetensors.load(content), {}
        except (SafetensorError, KeyError) as error:  # KeyError: a type that NumPy lacks
            raise DamagedFile('%s: expected a safetensors file: %s' % (where, error))
    if not mark:
        raise DamagedFile('%s: damaged: it holds no checksum' % where)
    digest = hashlib.sha256(memoryview(content)[:mark.start(1)])
    digest.update(_BLANK)
    digest.update(memoryview(content)[mark.end(1):])
    if digest.hexdigest().encode() != mark.group(1):
        raise DamagedFile('%s: damaged: its content is not that of its checksum' % where)
    size = int.from_bytes(content[:8], 'little')
    info = json.loads(json.loads(content[8:8 + size])['__metadata__']['info'])
    del info['checksum']
    return safetensors.load(content), info
