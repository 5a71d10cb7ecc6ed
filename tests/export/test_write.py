"""An export writes a complete folder of verified files, or changes nothing."""
import errno
import json
import os

import pytest
from exports import names, small_net, texts

import gluonblocks as gb
from gluonblocks.export import VerificationError, write
from gluonblocks.export import onnx as onnx_format


@pytest.fixture
def earlier(tmp_path):
    """A folder with an earlier export, whose files hold 'old'."""
    out = tmp_path / 'out'
    out.mkdir()
    files = ['README.md', 'gone.bin', 'model.onnx', 'export.json']
    for name in files:
        (out / name).write_text('old')
    (out / 'export.json').write_text(json.dumps(
        {'files': files + ['../other.txt', '.'], 'info': {'gluonblocks': '1.0'}}))
    return out


def test_one_corrupted_weight_is_caught_and_an_earlier_export_stays(run_of, earlier, monkeypatch):
    convert = onnx_format.graph_and_weights

    def wrong(net):
        model, weights = convert(net)
        name = max(weights, key=lambda name: weights[name].size)
        weights[name] = weights[name].copy()
        weights[name].flat[7] += 0.5
        return model, weights
    monkeypatch.setattr(onnx_format, 'graph_and_weights', wrong)
    before = texts(earlier)
    with pytest.raises(VerificationError, match=r"^onnx: .*differs from the net's output by"):
        gb.export_run(run_of(), out=str(earlier))
    assert texts(earlier) == before
    with pytest.raises(VerificationError):
        gb.export_run(run_of(), out=str(earlier / 'new'))
    assert texts(earlier) == before


def test_an_export_replaces_the_one_before_and_nothing_else(earlier, tmp_path):
    (earlier / 'mine.txt').write_text('stays')
    (tmp_path / 'other.txt').write_text('stays')  # the record names it, but it is elsewhere
    gb.export_net(small_net(), (1, 8, 8), path=str(earlier))
    assert names(earlier) == ['README.md', 'export.json', 'mine.txt', 'model.onnx']
    assert (earlier / 'README.md').read_text() != 'old'
    assert (tmp_path / 'other.txt').read_text() == 'stays'


def test_a_users_file_in_the_folder_of_an_earlier_export_is_not_replaced(earlier):
    (earlier / 'export.json').write_text(json.dumps(
        {'files': ['model.onnx', 'export.json'], 'info': {'gluonblocks': '1.0'}}))
    before = texts(earlier)
    with pytest.raises(ValueError, match='README.md is not part of the earlier export and would'):
        gb.export_net(small_net(), (1, 8, 8), path=str(earlier))
    assert texts(earlier) == before


@pytest.mark.parametrize('name, text', [
    ('README.md', 'mine'), ('export.json', '{}'), ('export.json', '[1')])
def test_a_folder_that_is_neither_empty_nor_an_export_is_refused_before_the_work(
        tmp_path, monkeypatch, name, text):
    (tmp_path / name).write_text(text)
    monkeypatch.setattr(write, 'outputs_of', None)
    with pytest.raises(ValueError, match='expected a new or empty folder, or an earlier export '
                                         'with export.json, but found %s. Choose' % name):
        gb.export_net(small_net(), (1, 8, 8), path=str(tmp_path))
    assert texts(tmp_path) == {name: text.encode()}
    with pytest.raises(ValueError, match='expected a new or empty folder.* but found a file'):
        gb.export_net(small_net(), (1, 8, 8), path=str(tmp_path / name))


def test_a_full_disk_is_reported_with_the_folders_name_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*args, **how):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(write, 'replace_files', full)
    with pytest.raises(OSError, match='out could not be written: No space left on device'):
        gb.export_net(small_net(), (1, 8, 8), path=str(tmp_path / 'out'))
    assert names(tmp_path) == []
