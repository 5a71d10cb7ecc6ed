"""Read MXNet's .params files without MXNet, checking each stored size against the file's length."""
import mmap
import os
import struct

import numpy as np

from ...files import DamagedFile

_FILE_MAGIC = 0x112
# Each array starts with its format version or, in the oldest files, with its number of dimensions.
_V1, _V2, _V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_DTYPES = {0: 'float32', 1: 'float64', 2: 'float16', 3: 'uint8', 4: 'int32', 5: 'int8',
           6: 'int64', 7: 'bool'}
_MAX_DIMS = 32


def read_params(path):
    """Read a .params file of any format version, and return {name: NumPy array}.

    The arrays are memory-mapped. The names are unchanged, so they may begin with 'arg:' or 'aux:'.
    Raises DamagedFile if the file is inconsistent or is a Git LFS pointer, and ValueError if an
    array is sparse.
    """
    size = os.path.getsize(path)
    with open(path, 'rb') as f:
        if f.read(40).startswith(b'version https://git-lfs'):
            raise DamagedFile('%s: expected weights, found a Git LFS pointer. Run "git lfs pull"'
                              % path)
        if size < 24:
            raise DamagedFile('%s: expected a .params file, found a file of only %d bytes'
                              % (path, size))
        content = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
    return _Reader(path, content).read()


def leave_memory(arrays):
    """Free the memory of arrays from `read_params`; the next access reads them from disk again."""
    for array in arrays:
        while isinstance(array, np.ndarray):
            array = array.base
        # The base is a memoryview of the file or, in NumPy 1.22 and earlier, the mmap itself.
        mapped = getattr(array, 'obj', array)
        if isinstance(mapped, mmap.mmap) and hasattr(mapped, 'madvise'):  # not on Windows
            mapped.madvise(mmap.MADV_DONTNEED)


class _Reader:
    def __init__(self, path, content):
        self._path, self._content, self._at = path, content, 0

    def _damage(self, text):
        return DamagedFile('%s: expected an MXNet .params file: %s' % (self._path, text))

    def read(self):
        magic, _, count = self._take('<3Q')
        if magic != _FILE_MAGIC:
            raise self._damage('the first bytes are wrong')
        self._check_size(count * 4)  # an array takes at least 4 bytes
        arrays = [self._array() for _ in range(count)]
        number, = self._take('<Q')
        if number not in (count, 0):
            raise self._damage('found %d arrays but %d names' % (count, number))
        names = [self._bytes(self._take('<Q')[0]) for _ in range(number)]
        if self._at != len(self._content):
            raise self._damage('%d extra bytes at the end of the file'
                               % (len(self._content) - self._at))
        try:
            names = [name.decode() for name in names] or [str(i) for i in range(count)]
        except UnicodeDecodeError:
            raise self._damage('a name is not valid UTF-8') from None
        if len(set(names)) < count:
            raise self._damage('two arrays have the same name')
        return {name: array for name, array in zip(names, arrays) if array is not None}

    def _array(self):
        version, = self._take('<I')
        if version in (_V2, _V3):
            storage, = self._take('<i')
            if storage not in (0, -1):
                raise ValueError("%s: expected dense arrays, found a sparse one. Convert it with "
                                 "array.tostype('default') and save it again" % self._path)
            shape = self._shape('<i', 'q')
        elif version == _V1:
            shape = self._shape('<i', 'q')
        else:  # the oldest format, in which `version` is the number of dimensions
            shape = self._shape(version, 'I')
        if not shape and version != _V3:
            return None  # an NDArray that was never allocated
        self._take('<ii')  # device type and id
        kind, = self._take('<i')
        if kind not in _DTYPES:
            raise self._damage('an array has an unknown data type, %d' % kind)
        dtype = np.dtype(_DTYPES[kind])
        length = dtype.itemsize
        for side in shape:
            length *= side
        self._check_size(length)
        array = np.frombuffer(self._content, dtype, length // dtype.itemsize, self._at)
        self._at += length
        return array.reshape(shape)

    def _shape(self, rank, side):
        if isinstance(rank, str):
            rank, = self._take(rank)
        if not 0 <= rank <= _MAX_DIMS:
            raise self._damage('an array has %d dimensions, expected 0 to %d'
                               % (rank, _MAX_DIMS))
        shape = self._take('<%d%s' % (rank, side))
        if any(size < 0 for size in shape):
            raise self._damage('an array has an invalid shape, %s' % (shape,))
        return shape

    def _take(self, form):
        size = struct.calcsize(form)
        return struct.unpack(form, self._bytes(size))

    def _bytes(self, size):
        self._check_size(size)
        self._at += size
        return self._content[self._at - size:self._at]

    def _check_size(self, size):
        left = len(self._content) - self._at
        if size > left:
            raise self._damage('expected %d more bytes, found only %d' % (size, left))
