"""Files of named arrays with a checksum, as safetensors.

No pickle: a file is numbers and JSON, so reading one runs nothing.
"""
import hashlib
import json
import os
import re

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from ..files import DamagedFile, open_file, read_file

_MARK = re.compile(rb'sha256:([0-9a-f]{64})')
_BLANK = b'0' * 64
MAX_HEADER = 2 ** 24
MAX_BYTES = 2 ** 30  # 15 times ResNet's weights: with any optimizer, on several devices


def encode_tensors(tensors, info):
    """The bytes of a file that holds `tensors`, a dict of NumPy arrays, and `info`, for JSON.

    Same content, same bytes. The SHA-256 in the header is over the whole file, its own digits
    taken as zeros.
    """
    # One entry of metadata, for the order of several is not fixed.
    text = json.dumps(dict(info, checksum='sha256:' + _BLANK.decode()), sort_keys=True)
    content = bytearray(safetensors.save({name: np.ascontiguousarray(array)
                                          for name, array in tensors.items()}, {'info': text}))
    if len(content) > MAX_BYTES:
        raise ValueError('%d bytes of numbers are more than the %d that a file may have'
                         % (len(content), MAX_BYTES))
    start = _MARK.search(content).start(1)
    content[start:start + 64] = hashlib.sha256(content).hexdigest().encode()
    return content


def _size_by_header(path):
    """How many bytes the file at `path` says that it has; DamagedFile where it has others.

    Found out before it is read: a file that claims more than it holds, or holds more than it
    claims, would be read into memory for nothing.
    """
    with open_file(path, MAX_BYTES) as f:
        size = os.fstat(f.fileno()).st_size
        length = int.from_bytes(f.read(8), 'little')
        try:
            header = json.loads(f.read(length)) if length < min(size, MAX_HEADER) else None
            ends = [entry['data_offsets'][1] for name, entry in header.items()
                    if name != '__metadata__']
            claimed = 8 + length + max(ends, default=0)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
            raise DamagedFile('%s: damaged: its header is not that of safetensors' % path)
    if claimed != size:
        raise DamagedFile('%s: damaged: it has %d bytes, and its header says %s'
                          % (path, size, claimed))
    return size


def read_tensors(path):
    """(tensors, info) as `encode_tensors` got them; DamagedFile if one bit of the file differs.

    The checksum is verified before anything in the file is used.
    """
    content = read_file(path, _size_by_header(path))
    mark = _MARK.search(content)
    if not mark:
        raise DamagedFile('%s: damaged: it holds no checksum' % path)
    digest = hashlib.sha256(memoryview(content)[:mark.start(1)])
    digest.update(_BLANK)
    digest.update(memoryview(content)[mark.end(1):])
    if digest.hexdigest().encode() != mark.group(1):
        raise DamagedFile('%s: damaged: its content is not that of its checksum' % path)
    try:
        size = int.from_bytes(content[:8], 'little')
        info = json.loads(json.loads(content[8:8 + size])['__metadata__']['info'])
        del info['checksum']
        return safetensors.load(content), info
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedFile('%s: not a file of gluonblocks: %s' % (path, error))
