"""Finding the files of a checkpoint: in a folder, beside a symbol, and in an archive."""
import io
import json
import tarfile

import pytest

from gluonblocks.export.checkpoints.find import find_files


def found(path, **how):
    with find_files(str(path), **how) as files:
        return [each.rsplit('/', 1)[-1] for each in files[:2]]


def test_a_folder_and_a_symbol_file_give_the_newest_epoch_or_the_chosen_one(checkpoint):
    pair = ['face-symbol.json', 'face-0012.params']
    assert found(checkpoint) == found(checkpoint / 'face-symbol.json') == pair
    assert found(checkpoint, epoch=3)[1] == 'face-0003.params'
    assert found(checkpoint, params='else.params')[1] == 'else.params'
    with pytest.raises(ValueError, match='for epoch 4, found face-0003.params, face-0012.params'):
        found(checkpoint, epoch=4)


@pytest.mark.parametrize('names, said', [
    ([], 'expected a run with config.json, or .* found no files'),
    (['a.params'], 'found only parameters: .*net.load_parameters.*a.params'),
    (['a-symbol.json', 'b-symbol.json'], 'one symbol file, found a-symbol.json, b-symbol.json'),
    (['a-symbol.json'], 'expected a parameter file such as a-0000.params, found none'),
    (['a-symbol.json', 'b-0000.params', 'c-0000.params'],
     'expected a parameter file such as a-0000.params, found b-0000.params, c-0000.params')])
def test_a_folder_without_one_pair_is_refused_with_what_it_has(names, said, tmp_path):
    for name in names:
        (tmp_path / name).write_text('')
    with pytest.raises(ValueError, match=said):
        found(tmp_path)


def test_a_zip_archive_is_refused_with_what_to_do(tmp_path):
    (tmp_path / 'model.zip').write_bytes(b'PK')
    with pytest.raises(ValueError, match='model.zip: expected a symbol file, .*; unpack it first'):
        found(tmp_path / 'model.zip')


def archive(path, files):
    with tarfile.open(str(path), 'w:gz') as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_an_archive_of_sagemaker_is_unpacked_and_its_shapes_are_read(checkpoint, tmp_path):
    files = {'./' + each.name: each.read_bytes() for each in checkpoint.iterdir()}
    files['model-shapes.json'] = json.dumps([{'name': 'data', 'shape': [1, 3, 8, 8]}]).encode()
    with find_files(str(archive(tmp_path / 'model.tar.gz', files))) as opened:
        assert opened.params.endswith('face-0012.params')
        assert opened.shapes == {'data': (1, 3, 8, 8)}


@pytest.mark.parametrize('name', ['../evil.params', '/evil.params', 'a/../../evil.params'])
def test_an_archive_with_files_for_outside_of_it_is_refused(name, tmp_path):
    path = archive(tmp_path / 'model.tar.gz', {name: b'x'})
    with pytest.raises(ValueError, match='expected relative paths without .*, found .*evil.params'):
        found(path)
    assert [each.name for each in tmp_path.iterdir()] == ['model.tar.gz']


@pytest.mark.parametrize('kind', [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_in_an_archive_is_reported(kind, tmp_path):
    with tarfile.open(str(tmp_path / 'model.tar'), 'w') as tar:
        link = tarfile.TarInfo('net-0000.params')
        link.type, link.linkname = kind, '/elsewhere'
        tar.addfile(link)
    with pytest.raises(ValueError, match='expected regular files, but net-0000.params is a link'):
        found(tmp_path / 'model.tar')


def test_a_damaged_archive_is_refused(tmp_path):
    (tmp_path / 'model.tar.gz').write_bytes(b'\x1f\x8b broken')
    with pytest.raises(ValueError, match='cannot be unpacked as a tar archive'):
        found(tmp_path / 'model.tar.gz')
