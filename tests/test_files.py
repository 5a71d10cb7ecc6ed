"""Files with a checksum, and files that are whole or not there."""
import errno
import hashlib
import json
import os
import re
import shutil
import stat

import numpy as np
import pytest

from gluonblocks import files
from gluonblocks.files import (
    DamagedFile,
    MXNetPath,
    append_file,
    remove_temporaries,
    write_file,
)
from gluonblocks.runs.weights import encode_tensors, read_tensors

TENSORS = {'b': np.arange(6, dtype='float32').reshape(2, 3).T, 'a': np.array([2 ** 32 - 1], 'u4'),
           'h': np.ones((2, 2), 'float16')}
INFO = {'text': 'é', 'number': 0.1 + 0.2, 'list': [1, None, True]}


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / 'x.safetensors')
    write_file(path, encode_tensors(TENSORS, INFO))
    return path


def test_what_was_written_is_read(path):
    tensors, info = read_tensors(path)
    assert info == INFO and set(tensors) == set(TENSORS)
    for name, array in TENSORS.items():
        assert tensors[name].dtype == array.dtype and (tensors[name] == array).all()


def test_the_checksum_is_the_sha256_of_the_file_with_its_digits_zero(path):
    content = open(path, 'rb').read()
    header = json.loads(content[8:8 + int.from_bytes(content[:8], 'little')])
    digits = json.loads(header['__metadata__']['info'])['checksum'].split(':')[1]
    blank = content.replace(digits.encode(), b'0' * 64)
    assert hashlib.sha256(blank).hexdigest() == digits


def test_every_single_bit_counts(path):
    content = open(path, 'rb').read()
    for position in range(len(content)):
        with open(path, 'wb') as f:
            f.write(content[:position] + bytes([content[position] ^ 1 << position % 8]) +
                    content[position + 1:])
        with pytest.raises(DamagedFile, match='x.safetensors is damaged'):
            read_tensors(path)


def failing(error):
    def call(*args, **how):
        raise OSError(error, os.strerror(error))
    return call


@pytest.mark.parametrize('function', ['fsync', 'replace', 'open'])
def test_whatever_fails_is_raised_and_the_old_file_is_there(path, monkeypatch, function):
    before = open(path, 'rb').read()
    with monkeypatch.context() as patch:
        patch.setattr(files.os, function, failing(28))
        with pytest.raises(OSError, match='x.safetensors could not be written: No space left'):
            write_file(path, b'new')
    assert open(path, 'rb').read() == before
    assert os.listdir(os.path.dirname(path)) == ['x.safetensors']


def test_the_order_is_file_flushed_renamed_folder_flushed(path, monkeypatch):
    calls = []
    for name in ('fsync', 'replace'):
        original = getattr(os, name)
        monkeypatch.setattr(files.os, name, lambda *args, name=name, original=original: (
            calls.append((name, [os.path.basename(a) for a in args if isinstance(a, str)])),
            original(*args)))
    write_file(path, b'new', backup='old')
    temporary = calls[2][1][0]
    assert re.fullmatch(r'\.tmp-%d-[0-9a-f]{16}-x\.safetensors' % os.getpid(), temporary)
    assert calls == [('fsync', []), ('replace', ['x.safetensors', 'old']),
                     ('replace', [temporary, 'x.safetensors']), ('fsync', [])]


def test_what_a_killed_process_left_is_removed_and_nothing_else(path, tmp_path):
    (tmp_path / '.tmp-1-0123456789abcdef-x').write_bytes(b'half')
    (tmp_path / '.tmp-my-notes.txt').write_text('mine')
    remove_temporaries(str(tmp_path))
    assert sorted(os.listdir(str(tmp_path))) == ['.tmp-my-notes.txt', 'x.safetensors']


def test_a_link_is_followed_and_stays_also_to_what_is_not_there_yet(tmp_path):
    os.symlink('target', str(tmp_path / 'link'))
    for content in (b'one', b'two'):
        write_file(str(tmp_path / 'link'), content)
        assert (tmp_path / 'target').read_bytes() == content
    assert os.readlink(str(tmp_path / 'link')) == 'target'


def test_a_pipe_is_written_to_as_it_is_if_somebody_reads_it(tmp_path):
    path = str(tmp_path / 'pipe')
    os.mkfifo(path)
    with pytest.raises(OSError, match='pipe could not be written: '):
        write_file(path, b'content')
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    write_file(path, b'content')
    assert os.read(reader, 100) == b'content' and stat.S_ISFIFO(os.stat(path).st_mode)
    os.close(reader)


def test_what_is_appended_comes_behind_and_is_flushed_and_a_folder_is_an_error(
        tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(files.os, 'fsync', flushed.append)
    for _ in range(2):
        append_file(str(tmp_path / 'file'), b'line\n')
    assert (tmp_path / 'file').read_bytes() == b'line\nline\n' and len(flushed) == 2
    with pytest.raises(OSError, match='could not be written: Is a directory'):
        append_file(str(tmp_path), b'x')


def test_a_link_whose_old_content_is_kept_changes_nothing_where_it_leads(tmp_path):
    (tmp_path / 'away').mkdir()
    (tmp_path / 'away' / 'target').write_bytes(b'old')
    os.symlink(os.path.join('away', 'target'), str(tmp_path / 'last'))
    write_file(str(tmp_path / 'last'), b'new', backup='previous')
    assert os.listdir(str(tmp_path / 'away')) == ['target']
    assert (tmp_path / 'away' / 'target').read_bytes() == b'old'
    assert (tmp_path / 'last').read_bytes() == b'new' and not (tmp_path / 'last').is_symlink()
    assert (tmp_path / 'previous').read_bytes() == b'old'


@pytest.fixture
def folders(tmp_path):
    """(source, target, names of the files in the target that are replaced)."""
    for name in ('new/a', 'new/z.json', 'new/in/b', 'new/d/e', 'old/a', 'old/z.json', 'old/in/c',
                 'old/mine'):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name[:3])
    return str(tmp_path / 'new'), str(tmp_path / 'old'), ['a', 'in/c', 'z.json']


def content(folder):
    found = {}
    for name in files.files_in(folder):
        with open(os.path.join(folder, name)) as f:
            found[name] = f.read()
    return found


def test_files_are_replaced_by_those_of_another_file_system_and_the_last_is_replaced_last(
        folders, monkeypatch):
    order, flushed, rename = [], [], os.rename

    def within_a_folder(old, new):
        if os.path.dirname(old) != os.path.dirname(new):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        order.append(os.path.basename(new))
        rename(old, new)
    for name in ('rename', 'replace'):
        monkeypatch.setattr(os, name, within_a_folder)
    monkeypatch.setattr(os, 'fsync', lambda handle: flushed.append(os.fstat(handle).st_ino))
    files.replace_files(*folders, last='z.json')
    assert len(flushed) == 5 and flushed[-1] == os.stat(folders[1]).st_ino
    assert sorted(order[:-1]) == ['a', 'b', 'e'] and order[-1] == 'z.json'
    assert content(folders[1]) == {'a': 'new', 'z.json': 'new', 'in/b': 'new', 'd/e': 'new',
                                   'mine': 'old'}


@pytest.mark.parametrize('step', range(3))
@pytest.mark.parametrize('module, function', [
    (os, 'fsync'), (os, 'replace'), (os, 'makedirs'), (shutil, 'move'), (shutil, 'copy2')])
def test_whichever_step_fails_all_old_files_are_there_and_nothing_else(
        folders, monkeypatch, module, function, step):
    original, calls = getattr(module, function), []

    def call(*args, **how):
        calls.append(args)
        if len(calls) == step + 1:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return original(*args, **how)
    monkeypatch.setattr(module, function, call)
    with pytest.raises(OSError, match='cross-device'):
        files.replace_files(*folders, last='z.json')
    assert content(folders[1]) == {name: 'old' for name in ('a', 'in/c', 'z.json', 'mine')}
    assert sorted(os.listdir(folders[1])) == ['a', 'in', 'mine', 'z.json']


@pytest.mark.parametrize('name, said', [
    ('file', 'file could not be written: File exists. Choose a path that you can write to'),
    ('file/in', 'file/in could not be written: Not a directory. Choose a path that you can write')])
def test_a_folder_that_cannot_be_created_is_named_with_a_remedy(tmp_path, name, said):
    (tmp_path / 'file').write_text('mine')
    with pytest.raises(OSError, match=said) as caught:
        files.make_folder(str(tmp_path / name))
    assert 'Errno' not in str(caught.value)


def test_mxnet_gets_the_bytes_of_a_path_or_of_text_that_is_not_one():
    for name in (b'/\xc3\xa4', b'/lat\xe4'):
        assert MXNetPath(os.fsdecode(name)).encode('utf-8') == MXNetPath(name).encode() == name
    with pytest.raises(TypeError):
        MXNetPath(None)
