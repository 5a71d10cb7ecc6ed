"""A run whose files are damaged, whose disk is full, or whose values are not finite."""
import os
import re
import resource
import shutil

import numpy as np
import pytest
from mxnet import nd
from small_runs import content, start, stopped

import gluonblocks as gb
from gluonblocks.files import DamagedFile, temporary_prefix
from gluonblocks.runs.checkpoint import load_checkpoint
from gluonblocks.runs.folder import lock_folder


def damage(folder, name):
    path = os.path.join(folder, name)
    with open(path, 'r+b') as f:
        f.seek(os.path.getsize(path) // 2)
        byte = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([byte[0] ^ 16]))


@pytest.fixture
def half(folder, monkeypatch):
    """The folder of a run that was stopped in its second epoch, after checkpoints 4 and 6."""
    stopped(monkeypatch, folder, 6)
    return folder


def test_of_a_damaged_last_checkpoint_the_one_before_is_used_and_told(whole, half, capsys):
    damage(half, 'last.safetensors')
    gb.load_run(half, weights='last')
    assert 'last.safetensors is damaged' in capsys.readouterr().err
    gb.resume_run(half)
    err = capsys.readouterr().err
    assert 'last.safetensors is damaged' in err
    assert 'using the previous checkpoint, saved after step 4' in err
    assert content(half) == content(whole.folder)
    assert os.path.exists(os.path.join(half, 'last.damaged'))


def test_killed_between_the_two_renames_the_one_before_is_used(whole, half, capsys):
    last = os.path.join(half, 'last.safetensors')
    leftover = os.path.join(half, temporary_prefix() + 'last.safetensors')
    os.rename(last, leftover)
    gb.resume_run(half)
    assert 'damaged' not in capsys.readouterr().err
    assert content(half) == content(whole.folder) and not os.path.exists(leftover)


def test_if_both_are_damaged_it_says_so_and_trains_nothing(copied):
    damage(copied, 'last.safetensors')
    damage(copied, 'previous.safetensors')
    for call in (gb.resume_run, lambda folder: gb.load_run(folder, weights='last')):
        with pytest.raises(ValueError, match='no valid checkpoint:\n.*last.*\n.*previo'):
            call(copied)


@pytest.mark.parametrize('change', [
    lambda path: os.truncate(path, 2 ** 40), lambda path: os.truncate(path, 3),
    lambda path: (os.unlink(path), os.mkfifo(path))])
def test_a_file_of_another_size_kind_or_content_is_refused(copied, change):
    change(os.path.join(copied, 'best.safetensors'))
    with pytest.raises(DamagedFile, match='best.safetensors(: expected at most .* found 1099511|'
                                          ' is damaged: its|.* found a pipe).* other weights of '
                                          'the run: last or final'):
        gb.load_run(copied)


def test_the_weights_of_another_run_are_refused(copied, folder):
    start(folder + '2', epochs=1, seed=1)
    for name in ('final', 'best', 'last'):
        shutil.copy(os.path.join(folder + '2', name + '.safetensors'), copied)
        with pytest.raises(ValueError, match=name + '.safetensors and config.json are'):
            gb.load_run(copied, weights=name)


def test_final_weights_in_the_place_of_a_checkpoint_are_refused(whole):
    with pytest.raises(DamagedFile, match='expected a checkpoint, found only weights'):
        load_checkpoint(os.path.join(whole.folder, 'final.safetensors'))


def test_damage_to_what_is_not_needed_costs_only_itself(whole, half, capsys):
    with open(os.path.join(half, 'times.csv'), 'w') as f:
        f.write('epoch,seconds,rate\n1\n')
    gb.resume_run(half)
    assert 'could not read the times of earlier epochs' in capsys.readouterr().err
    assert content(half) == content(whole.folder)


def test_a_disk_that_is_full_ends_the_run_with_the_good_checkpoint_there(whole, half):
    good = content(half, ['last.safetensors'])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100000, limits[1]))  # a checkpoint has 190 kB
    try:
        with pytest.raises(OSError, match='last.safetensors could not be written: File too large'):
            gb.resume_run(half)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert content(half, ['last.safetensors']) == good
    gb.resume_run(half)
    assert content(half) == content(whole.folder)


@pytest.mark.parametrize('lr, what', [(1e38, 'the loss'), (1e20, r'the parameter \d+\.moving_var')])
def test_what_is_not_finite_is_named_and_the_weights_before_it_kept(folder, lr, what):
    # At 1e20 it is a statistic that overflows first, and the loss a step later.
    with pytest.raises(gb.training.NonFiniteLoss) as error:
        start(folder, lr=lr, checkpoint_every=1)
    said = re.sub(r' \(batch \d of 4\)', '', str(error.value))
    found = re.match(what + r' is not finite (?:in|after) epoch 1, step (\d), learning rate (\S+): '
                     r'.*; the weights after step (\d) are in .*last\.safetensors$', said)
    assert int(found.group(3)) < int(found.group(1)) and float(found.group(2)) == lr
    net, _ = gb.load_run(folder, weights='last')
    assert all(np.isfinite(p.data().asnumpy()).all() for p in net.collect_params().values())
    assert not os.path.exists(os.path.join(folder, 'final.safetensors'))


def test_a_run_that_does_not_look_at_the_loss_still_saves_no_weights_that_are_not_finite(folder):
    with pytest.raises(gb.training.NonFiniteLoss, match='^[^l].* is not finite after epoch 1, .*; '
                                                        'the weights after step 1 are in '):
        start(folder, lr=1e38, stop_non_finite=False)
    assert gb.load_run(folder, weights='last')[1]['stop_non_finite'] is False


def test_parameters_of_which_mxnet_wrote_only_a_part_are_an_error(folder, monkeypatch):
    def write(net, path):
        nd.save(path, {'x': nd.ones(9)})
        os.truncate(path, os.path.getsize(path) - 1)
    monkeypatch.setattr(gb.graphs.Net, 'save_parameters', write)
    with pytest.raises(OSError, match='final.params could not be written: MXNet reported an error'):
        start(folder, epochs=1)


def test_two_processes_cannot_train_in_one_folder(copied):
    with lock_folder(copied), pytest.raises(ValueError, match='is in use by another process'):
        gb.resume_run(copied)
    with pytest.raises(ValueError, match='already contains a run'), lock_folder(copied, new=True):
        pass  # another process may start a run after `train_model` has looked at the folder
