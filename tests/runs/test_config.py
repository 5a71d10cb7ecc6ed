"""config.json: read back as it was written, and refused where one value is not what was."""
import copy
import json
import os

import pytest
from small_runs import start

import gluonblocks as gb
from gluonblocks.runs import config as config_file
from gluonblocks.runs.config import encode_config, identity_of, read_config

pytestmark = pytest.mark.usefixtures('little_data')


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    """The config of a run, as a dict; made once, for no test here trains."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('gluonblocks.files.os.fsync', lambda handle: None)
        folder = str(tmp_path_factory.mktemp('config') / 'run')
        start(folder, epochs=1)
    return read_config(folder)


def write(folder, config):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'config.json'), 'wb') as f:
        f.write(encode_config(config))


def test_what_was_written_is_read(written, folder):
    write(folder, written)
    assert read_config(folder) == written


def edit(folder, config, **changes):
    """As a user who opens the file in an editor."""
    write(folder, config)
    path = os.path.join(folder, 'config.json')
    with open(path) as f:
        content = json.load(f)
    with open(path, 'w') as f:
        json.dump(dict(content, **changes), f, indent=2, sort_keys=True)


@pytest.mark.parametrize('changes', [
    {'batch_size': 32}, {'lr': 0.5}, {'seed': 1}, {'label_smoothing': 0.1}, {'resize': 96},
    {'dataset': 'fashion-mnist'}, {'epochs': 9}, {'asked': []}, {'identity': '0' * 64},
    {'checksum': '0' * 64}, {'checksum': 1}])
def test_a_value_changed_by_hand_is_refused_with_what_may_be_given(written, folder, changes):
    edit(folder, written, **changes)
    for call in (gb.resume_run, gb.load_run):
        with pytest.raises(ValueError, match='something in it was changed. .*checkpoint_every, '
                                             'data_root, epochs, '):
            call(folder)


@pytest.mark.parametrize('text', [
    '{"identity": 1}', '[]', '1', 'null', '"x"', '', '{', '{"checksum": null}', '\0', '[' * 100000])
def test_what_is_no_config_is_refused_with_the_files_name(folder, text):
    os.makedirs(folder)
    with open(os.path.join(folder, 'config.json'), 'w') as f:
        f.write(text)
    with pytest.raises(ValueError, match='config.json is (not|damaged)'):
        read_config(folder)


WRONG = [None, True, -1, 0.5, float('nan'), 'x', '', [], [None], {}, 10 ** 40, {'a': [1]}]


def test_wrong_values_under_a_good_checksum_are_refused_with_their_name(written, folder):
    """Every entry, every kind of wrong value; what is right for an entry is left out."""
    tried = 0
    for name in written:
        for value in WRONG:
            config = dict(copy.deepcopy(written), **{name: value})
            if name != 'identity':
                config['identity'] = identity_of(config)
            write(folder, config)
            try:
                read = read_config(folder)
            except ValueError as error:
                assert 'config.json' in str(error), (name, value)
                tried += 1
                continue
            # What passes is what the option or the entry may be.
            option = config_file.OPTIONS.get(name)
            if option:
                option.check(value)
            assert read[name] == value
    assert tried > 250


@pytest.mark.parametrize('changes', [{'more': 1}, {'lr': None}])
def test_an_entry_too_many_or_too_few_is_refused(written, folder, changes):
    config = dict(written, **changes)
    config = {name: value for name, value in config.items() if value is not None or name != 'lr'}
    write(folder, dict(config, identity=identity_of(config)))
    with pytest.raises(ValueError, match='is in one of the two only'):
        read_config(folder)


def test_an_identity_of_other_options_is_refused(written, folder):
    write(folder, dict(written, seed=7))
    with pytest.raises(ValueError, match='its identity is not that of its options'):
        read_config(folder)


def test_what_the_config_asks_and_cannot_be_is_told_of_the_config(written, folder):
    write(folder, dict(written, data_root='/nowhere'))
    with pytest.raises(ValueError, match='config.json: data_root is ./nowhere., but the data set'):
        gb.resume_run(folder)


@pytest.mark.parametrize('step, workers', [(0, {3}), (5, {3}), (6, {3, 2}), (7, {2}), (8, {2, 4}),
                                           (90, {4})])
def test_a_checkpoint_may_be_of_those_workers_that_the_config_tells_of(step, workers):
    config = {'worker_changes': [[0, 3], [6, 2], [8, 4]]}
    assert config_file.workers_at(config, step) == workers


def test_it_is_the_same_whatever_was_imported_when_the_run_began(python):
    code = ('import gluonblocks, sys; from gluonblocks.runs.provenance import environment; '
            "before = environment(); assert 'PIL' not in sys.modules; import PIL; "
            "print(environment() == before, before['versions']['pillow'] == PIL.__version__)")
    assert python(code).split() == ['True', 'True']
