"""A run whose files are damaged, whose disk is full, whose numbers are not finite."""
import os
import re
import resource

import numpy as np
import pytest
from small_runs import content, start, stopped

import gluonblocks as gb
from gluonblocks import files

pytestmark = pytest.mark.usefixtures('little_data')


def damage(folder, name):
    path = os.path.join(folder, name)
    with open(path, 'r+b') as f:
        f.seek(os.path.getsize(path) // 2)
        byte = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([byte[0] ^ 16]))


def test_of_a_damaged_last_checkpoint_the_one_before_is_used_and_told(folder, monkeypatch, capsys):
    start(folder + '0', checkpoint_every=2)
    stopped(monkeypatch, folder, 6, checkpoint_every=2)
    damage(folder, 'last.safetensors')
    gb.load_run(folder, weights='last')
    assert 'last.safetensors: damaged' in capsys.readouterr().err
    gb.resume_run(folder)
    err = capsys.readouterr().err
    assert 'last.safetensors: damaged' in err and 'before it is used, of step' in err
    assert content(folder) == content(folder + '0')
    assert os.path.exists(os.path.join(folder, 'last.damaged'))


def test_killed_between_the_two_renames_the_one_before_is_used(folder, monkeypatch, capsys):
    start(folder + '0', checkpoint_every=2)
    stopped(monkeypatch, folder, 6, checkpoint_every=2)
    os.unlink(os.path.join(folder, 'last.safetensors'))
    gb.resume_run(folder)
    assert 'damaged' not in capsys.readouterr().err
    assert content(folder) == content(folder + '0')


def test_if_both_are_damaged_it_says_so_and_trains_nothing(folder):
    start(folder)
    damage(folder, 'last.safetensors')
    damage(folder, 'previous.safetensors')
    with pytest.raises(ValueError, match=r'no checkpoint that can be used:\n.*last.*\n.*previous'):
        gb.resume_run(folder)
    with pytest.raises(ValueError, match='no checkpoint that can be used'):
        gb.load_run(folder, weights='last')


def test_random_damage_never_loads(folder):
    start(folder, epochs=1)
    path = os.path.join(folder, 'best.safetensors')
    good, rng = content(folder)['best.safetensors'], np.random.RandomState(0)
    for _ in range(30):
        bad = bytearray(good)
        for position in rng.randint(0, len(bad), rng.randint(1, 4)):
            bad[position] ^= rng.randint(1, 256)
        with open(path, 'wb') as f:
            f.write(bad[:rng.randint(len(bad))] if rng.rand() < 0.3 else bad)
        with pytest.raises(gb.files.DamagedFile, match="best.safetensors.*Take other weights of "
                                                       "the run: 'last' or 'final'$"):
            gb.load_run(folder)


def test_a_disk_that_is_full_ends_the_run_with_the_good_checkpoint_there(folder, monkeypatch):
    stopped(monkeypatch, folder, 6)
    good = content(folder, ['last.safetensors'])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100000, limits[1]))  # a checkpoint has 190 kB
    try:
        with pytest.raises(OSError, match='last.safetensors could not be written: File too large'):
            gb.resume_run(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert content(folder, ['last.safetensors']) == good
    start(folder + '0')
    gb.resume_run(folder)
    assert content(folder) == content(folder + '0')


@pytest.mark.parametrize('lr, what', [(1e38, 'the loss'), (1e20, r'\d+\.moving_var')])
def test_what_is_not_finite_is_named_and_the_weights_before_it_kept(folder, lr, what):
    # At 1e20 it is a statistic that overflows first, and the loss a step later.
    with pytest.raises(gb.training.NonFiniteLoss) as error:
        start(folder, lr=lr, checkpoint_every=1)
    said = re.sub(r' \(batch \d of 4\)', '', str(error.value))
    found = re.match(what + r' is not finite (?:in|after) epoch 1, step (\d), learning rate (\S+): '
                     r'.*; the weights of step (\d) are in .*last\.safetensors$', said)
    assert int(found.group(3)) < int(found.group(1)) and float(found.group(2)) == lr
    net, _ = gb.load_run(folder, weights='last')
    assert all(np.isfinite(p.data().asnumpy()).all() for p in net.collect_params().values())
    assert not os.path.exists(os.path.join(folder, 'final.safetensors'))


def test_without_checkpoints_in_between_the_weights_of_the_first_step_are_kept(folder):
    with pytest.raises(gb.training.NonFiniteLoss, match='; the weights of step 1 are in '):
        start(folder, lr=1e38)


def test_a_killed_process_leftovers_are_gone_after_the_next_resume(folder):
    start(folder, epochs=1)
    leftover = os.path.join(folder, files.TEMPORARY + '1-%016x-last.safetensors' % 10)
    with open(leftover, 'w'):
        pass
    gb.resume_run(folder)
    assert not os.path.exists(leftover)
