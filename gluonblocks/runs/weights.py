"""Read and write the weights of a net as safetensors files with a checksum.

The files contain only numbers and JSON, no pickle, so reading one cannot run code.
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
MAX_BYTES = 2 ** 30  # 15 times ResNet's weights: enough for any optimizer and several devices


def net_arrays(net):
    """Return the weights and running statistics of a net: a dict of NumPy arrays.

    The keys are the names of `save_parameters`. Like that function, average over the devices of
    the net, because their statistics differ.
    """
    nd.waitall()  # otherwise outdated statistics could be read
    return {name: averaged(param).asnumpy() for name, param in named_parameters(net).items()}


def set_net_arrays(net, arrays):
    """Set the parameters of `net`, which is initialized, to `arrays`, from `net_arrays`.

    Raises ValueError, before any parameter is set, if a name, shape or type does not match.
    """
    params = named_parameters(net)
    if set(params) != set(arrays):
        raise ValueError('the weights do not match the net: only one of them contains %s'
                         % sorted(set(params) ^ set(arrays))[0])
    for name, param in params.items():
        shape = arrays[name].shape  # 0 in param.shape: unknown before the first batch
        if not arrays[name].size or arrays[name].dtype.kind != 'f':
            raise ValueError('expected weights of a float type, found %s of type %s and shape %s'
                             % (name, arrays[name].dtype, shape))
        if len(param.shape or shape) != len(shape) or any(
                a not in (0, b) for a, b in zip(param.shape or shape, shape)):
            raise ValueError('the weights do not match the net: expected %s of shape %s, found %s'
                             % (name, param.shape, shape))
    for name, param in params.items():
        param.set_data(nd.array(arrays[name], dtype=param.dtype))
        finish_initialization(param)


def first_non_finite(arrays):
    """Return the name of the first of `arrays`, a dict, that contains infinity or NaN, or None."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            return name
    return None


def encode_tensors(tensors, info):
    """Return the content of a file with `tensors`, a dict of NumPy arrays, and `info`, for JSON.

    The same arguments give the same bytes. The header contains the SHA-256 of the file, computed
    with zeros instead of its own digits.
    """
    # A single metadata entry, because the order of several is not fixed.
    text = json.dumps(dict(info, checksum='sha256:' + _BLANK.decode()), sort_keys=True)
    content = bytearray(safetensors.save({name: np.ascontiguousarray(array)
                                          for name, array in tensors.items()}, {'info': text}))
    if len(content) > MAX_BYTES:
        raise ValueError('expected at most %d bytes of weights and state, got %d'
                         % (MAX_BYTES, len(content)))
    start = _MARK.search(content).start(1)
    content[start:start + 64] = hashlib.sha256(content).hexdigest().encode()
    return content


def read_tensors(path):
    """Return the (tensors, info) that `encode_tensors` saved.

    Raises DamagedFile if any bit of the file has changed, or the file is too large.
    """
    return decode_tensors(read_file(path, MAX_BYTES), path)


def decode_tensors(content, where, foreign=False):
    """Return (tensors, info) from the output of `encode_tensors`; errors begin with `where`.

    The checksum is verified before anything else is read. If `foreign`, safetensors files of other
    programs, without a checksum, are accepted with `info` = {}. Raises DamagedFile.
    """
    mark = _MARK.search(content)
    if not mark and foreign:
        try:
            return safetensors.load(content), {}
        except (SafetensorError, KeyError) as error:  # KeyError: a type that NumPy lacks
            raise DamagedFile('%s: expected a valid safetensors file: %s' % (where, error))
    if not mark:
        raise DamagedFile('%s: damaged: the checksum is missing' % where)
    digest = hashlib.sha256(memoryview(content)[:mark.start(1)])
    digest.update(_BLANK)
    digest.update(memoryview(content)[mark.end(1):])
    if digest.hexdigest().encode() != mark.group(1):
        raise DamagedFile('%s: damaged: the checksum does not match' % where)
    size = int.from_bytes(content[:8], 'little')
    info = json.loads(json.loads(content[8:8 + size])['__metadata__']['info'])
    del info['checksum']
    return safetensors.load(content), info
