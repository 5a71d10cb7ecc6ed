"""Read and write the weights of a net as safetensors files with a checksum.

Such a file contains only arrays and JSON, not pickled objects, so reading it cannot run code.
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
    """Return the weights and running statistics of a net as a dict of NumPy arrays.

    The keys are the names that `save_parameters` uses. Like that method, this function averages
    each array over the net's devices, because running statistics differ between devices.
    """
    nd.waitall()  # otherwise the statistics could be outdated
    return {name: averaged(param).asnumpy() for name, param in named_parameters(net).items()}


def set_net_arrays(net, arrays):
    """Set the parameters of an initialized net to `arrays`, a dict as returned by `net_arrays`.

    Raises ValueError, before any parameter is set, if a name, a shape or a type does not match.
    """
    params = named_parameters(net)
    if set(params) != set(arrays):
        raise ValueError('the weights do not match the net: only one of them contains %s'
                         % sorted(set(params) ^ set(arrays))[0])
    for name, param in params.items():
        shape = arrays[name].shape  # a 0 in param.shape: unknown before the first batch
        if not arrays[name].size or arrays[name].dtype.kind != 'f':
            raise ValueError('expected floating-point weights, found %s of type %s and shape %s'
                             % (name, arrays[name].dtype, shape))
        if len(param.shape or shape) != len(shape) or any(
                a not in (0, b) for a, b in zip(param.shape or shape, shape)):
            raise ValueError('the weights do not match the net: expected %s of shape %s, found %s'
                             % (name, param.shape, shape))
    for name, param in params.items():
        param.set_data(nd.array(arrays[name], dtype=param.dtype))
        finish_initialization(param)


def first_non_finite(arrays):
    """Return the name of the first array with infinite or NaN values, or None if all are finite."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            return name
    return None


def encode_tensors(tensors, info):
    """Encode `tensors`, a dict of NumPy arrays, and the dict `info` in the safetensors format.

    `info` is stored as JSON. The same arguments always give the same bytes. The header contains the
    SHA-256 of the file, computed with zeros in place of its own digits.
    """
    # Use a single metadata entry: safetensors may write several in any order, but the same
    # arguments must give the same bytes.
    text = json.dumps(dict(info, checksum='sha256:' + _BLANK.decode()), sort_keys=True)
    content = bytearray(safetensors.save({name: np.ascontiguousarray(array)
                                          for name, array in tensors.items()}, {'info': text}))
    if len(content) > MAX_BYTES:
        raise ValueError('weights and optimizer state must not exceed %d bytes, got %d'
                         % (MAX_BYTES, len(content)))
    start = _MARK.search(content).start(1)
    content[start:start + 64] = hashlib.sha256(content).hexdigest().encode()
    return content


def read_tensors(path):
    """Read a file that contains the output of `encode_tensors`; return (tensors, info).

    Raises DamagedFile if any bit of the file has changed, or if the file is too large.
    """
    return decode_tensors(read_file(path, MAX_BYTES), path)


def decode_tensors(content, where, foreign=False):
    """Decode the output of `encode_tensors`; return (tensors, info).

    The checksum is verified before anything else is read. If `foreign` is True, files from other
    programs, which have no checksum, are accepted, and `info` is {} for them. Raises DamagedFile if
    the content is damaged; the message begins with `where`.
    """
    mark = _MARK.search(content)
    if not mark and foreign:
        try:
            return safetensors.load(content), {}
        except (SafetensorError, KeyError) as error:  # KeyError: a type that NumPy does not have
            raise DamagedFile('%s is not a valid safetensors file: %s' % (where, error))
    if not mark:
        raise DamagedFile('%s is damaged: its checksum is missing' % where)
    digest = hashlib.sha256(memoryview(content)[:mark.start(1)])
    digest.update(_BLANK)
    digest.update(memoryview(content)[mark.end(1):])
    if digest.hexdigest().encode() != mark.group(1):
        raise DamagedFile('%s is damaged: its checksum does not match' % where)
    size = int.from_bytes(content[:8], 'little')
    info = json.loads(json.loads(content[8:8 + size])['__metadata__']['info'])
    del info['checksum']
    return safetensors.load(content), info
