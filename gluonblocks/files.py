"""Files that are whole or not there: named arrays with a checksum, as safetensors, and others.

No pickle: a file is numbers and JSON, so reading one runs nothing.
"""
import glob
import hashlib
import json
import os
import re

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

TEMPORARY = '.tmp-'  # how the names begin of files that are being written

_MARK = re.compile(rb'sha256:([0-9a-f]{64})')
_BLANK = b'0' * 64


class DamagedFile(OSError):
    """A file's content is not what was written."""


def encode_tensors(tensors, info):
    """The bytes of a file that holds `tensors`, a dict of NumPy arrays, and `info`, for JSON.

    Same content, same bytes. The SHA-256 in the header is over the whole file, its own digits
    taken as zeros.
    """
    # One entry of metadata, for the order of several is not fixed.
    text = json.dumps(dict(info, checksum='sha256:' + _BLANK.decode()), sort_keys=True)
    content = bytearray(safetensors.save({name: np.ascontiguousarray(array)
                                          for name, array in tensors.items()}, {'info': text}))
    start = _MARK.search(content).start(1)
    content[start:start + 64] = hashlib.sha256(content).hexdigest().encode()
    return content


def read_tensors(path):
    """(tensors, info) as `encode_tensors` got them; DamagedFile if one bit of the file differs.

    The checksum is verified before anything in the file is used.
    """
    with open(path, 'rb') as f:
        content = f.read()
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
    except (SafetensorError, ValueError, KeyError) as error:
        raise DamagedFile('%s: not a file of gluonblocks: %s' % (path, error))


def write_file(path, content, keep=None):
    """Write `content`, bytes, to `path`: after a crash the old file is there or the new, whole.

    `keep` is a name, in the same folder, that the old file gets once the new one is on the disk.
    Raises OSError with the file and the reason; the old file is then as it was.
    """
    def write(temporary):
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(handle, rest):]
        finally:
            os.close(handle)
    replace_file(path, write, keep)


def replace_file(path, write, keep=None):
    """As `write_file`, where `write(name)` makes the content, in a file of that name."""
    folder, name = os.path.split(os.path.abspath(path))
    temporary = os.path.join(folder, '%s%d-%s' % (TEMPORARY, os.getpid(), name))
    try:
        try:
            write(temporary)
            _flush(temporary)
            if keep and os.path.exists(path):
                os.replace(path, os.path.join(folder, keep))
            os.replace(temporary, path)
        except BaseException:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise
        _flush(folder)
    except OSError as error:
        raise OSError('%s could not be written: %s' % (path, error.strerror or error)) from error


def remove_temporaries(folder):
    """Remove what processes that were killed had begun to write in `folder`."""
    for path in glob.glob(os.path.join(glob.escape(folder), TEMPORARY + '*')):
        os.unlink(path)


def _flush(path):
    """Wait until the file or folder at `path` is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
