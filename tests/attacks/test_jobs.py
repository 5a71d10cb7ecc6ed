"""The server of the attack's jobs, the shim in C, and forged files that pass their checksums."""
import json
import os
import random
import shutil
import signal

import numpy as np
import pytest
from small_runs import start

from attacks import forge, mutations, shim
from attacks.jobs import Job, Server
from attacks.material import write_data
from attacks.sandbox import Sandbox
from gluonblocks.runs.checkpoint import load_checkpoint
from gluonblocks.runs.config import read_config

TRAIN = ['train', '--model', 'lenet_bn', '--dataset', 'synthetic', '--epochs', '1', '--batch-size',
         '16', '--seed', '0', '--ctx', 'cpu', '--out']


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    sandbox = Sandbox(str(tmp_path_factory.mktemp('sandbox')))
    sandbox.furnish()
    write_data(sandbox)
    server = Server(sandbox, 0)
    yield server
    server.close()


def test_jobs_run_at_the_same_time_and_each_has_its_own_streams(server, tmp_path):
    one, two = server.run(Job(['train', '--model', 'no'], str(tmp_path)),
                          Job(TRAIN + ['run'], str(tmp_path)))
    assert one.code == 2 and 'no model' in one.err and one.out == ''
    assert two.code == 0 and two.out.startswith('training on cpu(0)\nepoch 1, ')
    assert os.path.exists(str(tmp_path / 'run' / 'final.safetensors'))


def test_a_job_that_takes_too_long_or_too_much_is_ended(server, tmp_path):
    long = ['train', '--model', 'lenet_bn', '--dataset', 'synthetic', '--epochs', '100000']
    slow, large = server.run(Job(long, str(tmp_path), seconds=3),
                             Job(long, str(tmp_path), memory=50 << 20))
    assert (slow.ended, large.ended) == ('time', 'memory')
    assert 3 <= slow.seconds < 20 and large.peak > 50 << 20
    assert 'loop.py' in slow.err  # where it was


def test_the_shim_kills_at_the_call_and_fails_it(server, tmp_path):
    if not shutil.which('cc'):
        assert 'no C compiler' in server._sandbox.lacking[0]
        return
    counted, = server.run(Job(TRAIN + ['run'], str(tmp_path), shim=shim.Shim(
        str(tmp_path / 'run'))))
    assert counted.code == 0 and counted.calls > 40 and not counted.fired
    assert counted.loose == 0
    for n in (1, counted.calls // 2):
        killed, = server.run(Job(TRAIN + ['run%d' % n], str(tmp_path), shim=shim.Shim(
            str(tmp_path / ('run%d' % n)), at=n, action=shim.BEFORE, value=signal.SIGKILL)))
        assert killed.code == -9 and killed.calls == n and killed.fired
    failed, = server.run(Job(TRAIN + ['bad'], str(tmp_path), shim=shim.Shim(
        str(tmp_path / 'bad'), shim.FSYNC, 1, shim.ERROR, 5, only='last')))
    assert failed.code == 1 and 'last.safetensors could not be written: Input/output' in failed.err


@pytest.mark.usefixtures('little_data')
def test_forged_files_have_checksums_that_are_right(folder):
    start(folder, epochs=1)
    path = os.path.join(folder, 'last.safetensors')
    tensors, info = forge.read(path)
    before = load_checkpoint(path)
    info['images'], info['step'] = 0, 5
    name = next(name for name in tensors if name.startswith('weights/'))
    tensors[name] = tensors[name] + np.float32(1)
    forge.write(path, tensors, info)
    after = load_checkpoint(path)
    assert after[1]['step'] == 5 and (after[0][name] == before[0][name] + 1).all()
    config = read_config(folder)
    with open(os.path.join(folder, 'config.json'), 'wb') as f:
        f.write(forge.sign_config(dict(config, lr=0.25)))
    assert read_config(folder)['lr'] == 0.25


@pytest.mark.parametrize('mutation', set(mutations.ALL) | {mutations.mutate},
                         ids=lambda mutation: mutation.__name__)
def test_a_mutation_is_the_same_by_the_same_seed(mutation):
    data = bytes(range(256)) * 20
    assert len({mutation(random.Random(seed), data)[1] for seed in range(30)}) > 3
    for seed in range(10):
        assert mutation(random.Random(seed), data) == mutation(random.Random(seed), data)


def test_values_of_json_are_json():
    assert len(mutations.VALUES) == len([json.dumps(value) for value in mutations.VALUES])
