"""config.json: read back as it was written, and refused if one value is not what it was."""
import json
import os
import re

import pytest

import gluonblocks as gb
from gluonblocks.checks import NamingError
from gluonblocks.commands.parser import flag_of
from gluonblocks.runs.config import encode_config, read_config


def write(folder, config):
    with open(os.path.join(folder, 'config.json'), 'wb') as f:
        f.write(encode_config(config))


def test_what_was_written_is_read(copied):
    config = read_config(copied)
    write(copied, config)
    assert read_config(copied) == config


@pytest.mark.parametrize('changes', [
    {'batch_size': 32}, {'epochs': 9}, {'asked': []}, {'identity': '0' * 64},
    {'checksum': '0' * 64}, {'checksum': 1}, {'more': 1}])
def test_a_value_changed_by_hand_is_refused_with_what_may_be_given(copied, changes):
    path = os.path.join(copied, 'config.json')
    with open(path) as f:
        config = json.load(f)
    with open(path, 'w') as f:
        json.dump(dict(config, **changes), f, indent=2, sort_keys=True)
    for call in (gb.resume_run, gb.load_run):
        with pytest.raises(NamingError, match='something in it was changed. .*checkpoint_every, '
                                              'data_root, epochs, ') as error:
            call(copied)
        assert '--checkpoint-every, --data-root, --epochs, ' in error.value.spelled(flag_of)


@pytest.mark.parametrize('text', [
    '{"identity": 1}', '[]', 'null', '', '{', '{"checksum": null}', '\0', '[' * 100000])
def test_what_is_no_config_is_refused_with_the_files_name(folder, text):
    os.makedirs(folder)
    with open(os.path.join(folder, 'config.json'), 'w') as f:
        f.write(text)
    for call in (gb.load_run, gb.resume_run):
        with pytest.raises(ValueError, match=re.escape(folder) + '/config.json is (not|damaged)'):
            call(folder)


@pytest.mark.parametrize('make', [
    lambda path: None, lambda path: path.mkdir(), lambda path: path.write_text('x')])
def test_what_is_no_run_is_refused(tmp_path, make):
    make(tmp_path / 'x')
    for call in (gb.load_run, gb.resume_run):
        with pytest.raises(ValueError, match='is not a run: it has no config.json'):
            call(str(tmp_path / 'x'))


def test_a_config_of_other_options_is_of_another_version(copied):
    config = read_config(copied)
    del config['label_smoothing']
    write(copied, config)
    with pytest.raises(ValueError, match='another version of gluonblocks: it lacks label_smooth'):
        gb.load_run(copied)
