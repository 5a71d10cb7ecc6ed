"""A run's files made to say something else, with checksums that are right.

Written from the format, not with gluonblocks' own code: so it can write what that never would.
"""
import hashlib
import json
import re
from typing import Any, Dict

import numpy as np

_TYPES = {'float32': 'F32', 'float64': 'F64', 'float16': 'F16', 'uint32': 'U32', 'int32': 'I32',
          'int64': 'I64', 'uint8': 'U8', 'bool': 'BOOL'}
_CHECKSUM = re.compile(rb'sha256:[0-9a-f]{64}')
# What config.json's identity is not over.
FREE = ('epochs', 'data_root', 'checkpoint_every', 'tensorboard', 'stop_non_finite', 'asked',
        'norm_stats', 'norm_stats_every', 'workers', 'worker_changes', 'identity', 'checksum')


def read(path):
    """(tensors, info, header) of a file of tensors: NumPy arrays, the JSON beside them."""
    with open(path, 'rb') as f:
        content = f.read()
    size = int.from_bytes(content[:8], 'little')
    header = json.loads(content[8:8 + size])
    info = json.loads(header.pop('__metadata__')['info'])
    types = {short: name for name, short in _TYPES.items()}
    tensors = {}
    for name, entry in header.items():
        start, end = entry['data_offsets']
        tensors[name] = np.frombuffer(content[8 + size + start:8 + size + end],
                                      types[entry['dtype']]).reshape(entry['shape']).copy()
    return tensors, info


def write(path, tensors, info, lie=None):
    """Write a file of tensors; `lie(header)` may change its header. The checksum is right."""
    info = dict(info, checksum='sha256:' + '0' * 64)
    header: Dict[str, Any] = {'__metadata__': {'info': json.dumps(info, sort_keys=True)}}
    parts, place = [], 0
    for name, array in sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])):
        data = np.ascontiguousarray(array).tobytes()
        header[name] = {'dtype': _TYPES[array.dtype.name], 'shape': list(array.shape),
                        'data_offsets': [place, place + len(data)]}
        parts.append(data)
        place += len(data)
    if lie:
        lie(header)
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    content = len(text).to_bytes(8, 'little') + text + b''.join(parts)
    with open(path, 'wb') as f:
        f.write(sign(content))


def sign(content):
    """The same bytes, with the checksum that they are to have."""
    mark = _CHECKSUM.search(content)
    if not mark:
        return content
    start, end = mark.start() + 7, mark.end()
    blank = content[:start] + b'0' * 64 + content[end:]
    return content[:start] + hashlib.sha256(blank).hexdigest().encode() + content[end:]


def sign_config(config, identity=True):
    """The bytes of config.json with a checksum that is right, and the identity too, if asked."""
    config = {name: value for name, value in config.items() if name != 'checksum'}
    if identity:
        config['identity'] = _digest({name: value for name, value in config.items()
                                      if name not in FREE})
    return json.dumps(dict(config, checksum=_digest(config)), indent=2, sort_keys=True).encode()


def _digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
