"""config.json: read back as it was written, and refused if one value is not what it was."""
import json
import os
import re

import pytest

import gluonblocks as gb
from gluonblocks.runs.config import encode_config, read_config


def write(folder, text):
    with open(os.path.join(folder, 'config.json'), 'wb') as f:
        f.write(text)


def test_what_was_written_is_read(copied):
    config = read_config(copied)
    write(copied, encode_config(config))
    assert read_config(copied) == config


@pytest.mark.parametrize('changes', [{'batch_size': 32}, {'epochs': 9}, {'checksum': '0' * 64}])
def test_a_value_changed_by_hand_is_refused(copied, changes):
    with open(os.path.join(copied, 'config.json')) as f:
        config = dict(json.load(f), **changes)
    write(copied, json.dumps(config, indent=2, sort_keys=True).encode())
    for call in (gb.resume_run, gb.load_run):
        with pytest.raises(ValueError, match='something in it was changed. .* train again'):
            call(copied)


@pytest.mark.parametrize('text', [b'{"identity": 1}', b'null', b'', b'{', b'[' * 100000])
def test_what_is_not_a_config_is_refused_with_the_files_name(folder, text):
    os.makedirs(folder)
    write(folder, text)
    with pytest.raises(ValueError, match=re.escape(folder) + '/config.json is (not|damaged)'):
        gb.load_run(folder)


@pytest.mark.parametrize('make', [
    lambda path: None, lambda path: path.mkdir(), lambda path: path.write_text('x')])
def test_what_is_not_a_run_is_refused(tmp_path, make):
    make(tmp_path / 'x')
    for call in (gb.load_run, gb.resume_run):
        with pytest.raises(ValueError, match='is not a run: it has no config.json'):
            call(str(tmp_path / 'x'))


def test_a_config_of_other_options_is_of_another_version(copied):
    config = read_config(copied)
    del config['label_smoothing']
    write(copied, encode_config(config))
    with pytest.raises(ValueError, match='another version of gluonblocks: it lacks label_smooth'):
        gb.load_run(copied)
