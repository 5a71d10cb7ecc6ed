"""MXNet's files of parameters: all versions of the format, and damaged ones."""
import struct
import sys

import mxnet as mx
import numpy as np
import pytest

from gluonblocks.export.checkpoints import read_params
from gluonblocks.export.checkpoints.params import leave_memory
from gluonblocks.files import DamagedFile

ARRAY = np.arange(6, dtype='float32').reshape(2, 3)


def file_of(head, names=(b'arg:w',), kind=0):
    """A file of one array: `head` are the bytes before its device, `kind` is its type."""
    return (struct.pack('<3Q', 0x112, 0, 1) + head + struct.pack('<iii', 1, 0, kind)
            + ARRAY.tobytes() + struct.pack('<Q', len(names))
            + b''.join(struct.pack('<Q', len(name)) + name for name in names))


# The versions of the format, as MXNet's sources define them.
HEADS = {'before 0.9': struct.pack('<3I', 2, 2, 3),
         '0.9': struct.pack('<IiQQ', 0xF993FAC8, 2, 2, 3),
         '1.x': struct.pack('<IiiQQ', 0xF993FAC9, 0, 2, 2, 3),
         'mx.np': struct.pack('<IiiQQ', 0xF993FACA, 0, 2, 2, 3)}


@pytest.mark.parametrize('version', HEADS)
def test_every_version_of_the_format_is_read(version, tmp_path):
    (tmp_path / 'x').write_bytes(file_of(HEADS[version]))
    arrays = read_params(str(tmp_path / 'x'))
    assert list(arrays) == ['arg:w']
    np.testing.assert_array_equal(arrays['arg:w'], ARRAY)
    if version != 'mx.np':
        np.testing.assert_array_equal(mx.nd.load(str(tmp_path / 'x'))['arg:w'].asnumpy(), ARRAY)


def test_what_mxnet_saves_is_read_with_its_types(tmp_path):
    given = {dtype: mx.nd.array(np.arange(5), dtype=dtype) for dtype in (
        'float16', 'float32', 'float64', 'uint8', 'int8', 'int32', 'int64')}
    mx.nd.save(str(tmp_path / 'x'), given)
    found = read_params(str(tmp_path / 'x'))
    assert {name: array.dtype.name for name, array in found.items()} == {
        name: name for name in given}
    assert all((array == np.arange(5)).all() for array in found.values())


@pytest.mark.parametrize('content, said', [
    (file_of(HEADS['1.x'])[:-3], 'expected 5 more bytes, found only 2'),
    (file_of(HEADS['1.x']) + b'12', '2 extra bytes at the end'),
    (b'\0' * 30, 'the first bytes are wrong'),
    (file_of(struct.pack('<IiiQQ', 0xF993FAC9, 0, 2, 1 << 20, 1 << 10)),  # 4 GB in 80 bytes
     'expected 4294967296 more bytes'),
    (file_of(struct.pack('<Iii', 0xF993FAC9, 0, 70)),
     'an array has 70 dimensions, expected 0 to 32'),
    (struct.pack('<3Q', 0x112, 0, 1 << 40), 'more bytes, found only'),
    (file_of(HEADS['1.x'], kind=99), 'an unknown data type, 99'),
    (file_of(HEADS['1.x'], names=(b'\xff',)), 'a name is not valid UTF-8'),
    (b'version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 9\n', 'git lfs pull')])
def test_a_file_that_is_not_what_it_announces_is_refused(content, said, tmp_path):
    (tmp_path / 'x').write_bytes(content)
    with pytest.raises(DamagedFile, match=said):
        read_params(str(tmp_path / 'x'))


def test_sparse_arrays_are_refused_with_what_to_do(tmp_path):
    mx.nd.save(str(tmp_path / 'x'), {'w': mx.nd.array(ARRAY).tostype('row_sparse')})
    with pytest.raises(ValueError, match=r"found a sparse one. Convert .*tostype\('default"):
        read_params(str(tmp_path / 'x'))


def resident(path):
    """The kilobytes of a mapped file that are in memory."""
    with open('/proc/self/smaps') as f:
        mappings = f.read().split(str(path))[1:]
    return sum(int(each.partition('Rss:')[2].split()[0]) for each in mappings)


@pytest.mark.skipif(sys.platform != 'linux', reason='/proc is of Linux')
def test_arrays_leave_the_memory_and_keep_their_values(tmp_path):
    path, given = tmp_path / 'x', mx.nd.arange(1 << 20)
    mx.nd.save(str(path), [given, given + 1])
    arrays = read_params(str(path))
    assert sum(array.sum() for array in arrays.values()) > 0 and resident(path) >= 8 << 10
    leave_memory(arrays.values())
    assert resident(path) == 0
    np.testing.assert_array_equal(arrays['1'], np.arange(1, 1 + (1 << 20), dtype='float32'))
