"""Files of a run that are whole and yet not what a run writes: other contents, other runs."""
import os
import shutil

import numpy as np
import pytest
from small_runs import content, start, stopped

import gluonblocks as gb
from gluonblocks.files import DamagedFile
from gluonblocks.runs.checkpoint import load_checkpoint
from gluonblocks.runs.tensors import encode_tensors, read_tensors

pytestmark = pytest.mark.usefixtures('little_data')


def test_the_final_weights_of_another_run_are_refused(folder):
    start(folder, epochs=1)
    start(folder + '2', epochs=1, seed=1)
    shutil.copy(os.path.join(folder + '2', 'final.safetensors'), folder)
    with pytest.raises(ValueError, match='final.safetensors is of another run'):
        gb.load_run(folder, weights='final')
    with pytest.raises(ValueError, match='final.safetensors is of another run'):
        gb.evaluate_run(folder, weights='final')


def forge(path, change):
    """Change tensors and info of a file and give it a good checksum again."""
    tensors, info = read_tensors(path)
    tensors = {name: array.copy() for name, array in tensors.items()}
    change(tensors, info)
    with open(path, 'wb') as f:
        f.write(encode_tensors(tensors, info))


def bias(tensors):
    return tensors['weights/cpu(0)/0.bias']


@pytest.mark.parametrize('change', [
    lambda t, i: i.pop('step'), lambda t, i: i.update(step=-1), lambda t, i: i.update(step='7'),
    lambda t, i: i.update(step=True), lambda t, i: i.update(epoch=9),
    lambda t, i: i.update(loss=float('nan')), lambda t, i: i.update(loss=-1.0),
    lambda t, i: i.update(hits=1.0), lambda t, i: i['rows'][0].__setitem__(2, 1.5),
    lambda t, i: i['rows'][0].__setitem__(1, -0.5),
    lambda t, i: i.update(hits=None),
    lambda t, i: i.update(rows=[[]]), lambda t, i: i.update(rows=[[1, 2, 3]]),
    lambda t, i: i.update(rows={}), lambda t, i: i.update(counts=[]),
    lambda t, i: i['counts'].update({next(iter(i['counts'])): -3}),
    lambda t, i: i.update(best_epoch=99), lambda t, i: i.update(numpy=[1]),
    lambda t, i: i.update(numpy=[700, 0, 0.0]), lambda t, i: i.update(python='x'),
    lambda t, i: i['optimizer'].update(lr='fast'), lambda t, i: i.update(batch=3),
    lambda t, i: t.pop('numpy'), lambda t, i: t.update(python=t['python'][:5]),
    lambda t, i: t.update(numpy=t['numpy'].astype('float32')),
    lambda t, i: bias(t).fill(np.nan), lambda t, i: bias(t).fill(np.inf),
    lambda t, i: [t.pop(name) for name in list(t) if name.startswith('weights/')],
    lambda t, i: t.update({'weights/x': t['numpy'].astype('float32')}),
    lambda t, i: t.update({'weights/cpu(1)/0.bias': bias(t)[:3]})])
def test_a_checkpoint_of_another_structure_is_damaged_whatever_its_checksum(folder, change):
    start(folder, epochs=1)
    path = os.path.join(folder, 'best.safetensors')
    forge(path, change)
    for call in (load_checkpoint, lambda path: gb.load_run(folder)):
        with pytest.raises(DamagedFile, match='best.safetensors: not a checkpoint: '):
            call(path)


@pytest.mark.parametrize('change, said', [
    (lambda t, i: t.pop('weights/cpu(0)/0.bias'), 'of another net: 0.bias is in one of the two'),
    (lambda t, i: t.update({'weights/cpu(0)/99.bias': bias(t)}), 'of another net: 99.bias'),
    (lambda t, i: t.update({'weights/cpu(0)/0.bias': bias(t)[:2]}), 'of another net: 0.bias has'),
    (lambda t, i: t.update({'weights/cpu(0)/0.bias': bias(t).astype('int32')}), 'are no weights'),
    (lambda t, i: t.update({'weights/cpu(0)/0.bias': bias(t)[:0]}), 'are no weights'),
])
def test_weights_that_do_not_fit_the_net_are_refused_with_the_runs_name(folder, change, said):
    start(folder, epochs=1)
    forge(os.path.join(folder, 'best.safetensors'), change)
    with pytest.raises(ValueError, match='run.*: the weights .*' + said):
        gb.load_run(folder)


@pytest.mark.parametrize('change, said', [
    (lambda t, i: i['optimizer'].update(step=3), 'numbers of the optimizer, step'),
    (lambda t, i: i['optimizer'].pop('lr'), 'numbers of the optimizer, lr'),
    (lambda t, i: i['counts'].pop(next(iter(i['counts']))), 'counts, '),
    (lambda t, i: t.update({'weights/cpu(1)/0.bias': bias(t)}), r'weights, weights/cpu\(1\)'),
    (lambda t, i: [t.pop(n) for n in list(t) if n.startswith('optimizer/')], 'does not fit: opt'),
])
def test_a_checkpoint_that_does_not_fit_is_refused_before_anything_is_set(
        folder, monkeypatch, change, said):
    stopped(monkeypatch, folder, 6, momentum=0.9)
    for name in ('last', 'previous'):
        forge(os.path.join(folder, name + '.safetensors'), change)
    before = content(folder, ('last.safetensors', 'history.csv', 'config.json'))
    with pytest.raises(ValueError, match='last.safetensors: the checkpoint does not fit: .*' + said
                       if 'does' not in said else 'last.safetensors: the checkpoint ' + said):
        gb.resume_run(folder)
    assert content(folder, ('last.safetensors', 'history.csv', 'config.json')) == before


@pytest.mark.parametrize('change', [
    lambda t, i: (i.update(step=10, counts={key: 10 if count else count for key, count in
                                            i['counts'].items()}),
                  i['optimizer'].update(num_update=10)),
    lambda t, i: i.update(step=5), lambda t, i: i.update(step=7, batch=3),
    lambda t, i: i.update(images=31), lambda t, i: i.update(batch=5, images=60, step=9),
    lambda t, i: i['optimizer'].update(num_update=7),
    lambda t, i: i['counts'].update({next(iter(i['counts'])): 2})])
def test_a_checkpoint_at_a_place_where_no_run_comes_is_refused(folder, monkeypatch, change):
    stopped(monkeypatch, folder, 6)
    for name in ('last', 'previous'):
        forge(os.path.join(folder, name + '.safetensors'), change)
    with pytest.raises(ValueError, match='last.safetensors: the checkpoint says step .*, which do '
                                         'not go together at 4 batches an epoch'):
        gb.resume_run(folder)


@pytest.mark.parametrize('damage', [
    lambda path: os.truncate(path, os.path.getsize(path) + 2 ** 29),
    lambda path: os.truncate(path, os.path.getsize(path) - 1),
    lambda path: open(path, 'r+b').write(b'\xff' * 8),
    lambda path: open(path, 'r+b').write((2 ** 23).to_bytes(8, 'little')),
    lambda path: os.truncate(path, 3), lambda path: os.truncate(path, 0)])
def test_a_file_of_another_size_than_its_header_says_is_damaged_before_it_is_read(folder, damage):
    start(folder, epochs=1)
    path = os.path.join(folder, 'best.safetensors')
    damage(path)
    with pytest.raises(DamagedFile, match='best.safetensors: damaged: (it has|its header)'):
        gb.load_run(folder)


@pytest.mark.parametrize('text', ['epoch,seconds,rate\n1\n', 'epoch,seconds,rate\n\n1,2,3\n', 'x',
                                  'epoch,seconds,rate\n1,x,3\n', '\0', '"', '\udcff'])
def test_damaged_times_cost_only_the_seconds_and_are_told(folder, monkeypatch, capsys, text):
    start(folder + '0')
    stopped(monkeypatch, folder, 6)
    with open(os.path.join(folder, 'times.csv'), 'wb') as f:
        f.write(text.encode('utf-8', 'surrogateescape'))
    gb.resume_run(folder)
    assert content(folder) == content(folder + '0')
    assert 'the seconds of the epochs before are lost' in capsys.readouterr().err


def test_a_run_stopped_in_its_first_epoch_has_no_times_that_could_be_lost(folder, monkeypatch,
                                                                          capsys):
    stopped(monkeypatch, folder, 1)
    gb.resume_run(folder)
    assert 'are lost' not in capsys.readouterr().err


def test_a_pipe_in_the_place_of_the_times_is_not_waited_for(folder, monkeypatch):
    stopped(monkeypatch, folder, 6)
    os.unlink(os.path.join(folder, 'times.csv'))
    os.mkfifo(os.path.join(folder, 'times.csv'))
    with pytest.raises(OSError, match='times.csv could not be written: '):
        gb.resume_run(folder)


@pytest.mark.parametrize('name', ['config.json', 'best.safetensors', 'last.safetensors'])
def test_a_pipe_in_the_place_of_a_file_is_refused_without_waiting(folder, name):
    start(folder, epochs=1)
    for there in {name, name.replace('last', 'previous')}:
        os.unlink(os.path.join(folder, there))
        os.mkfifo(os.path.join(folder, there))
    with pytest.raises((DamagedFile, ValueError), match=name + ': this is a pipe'):
        gb.load_run(folder, weights='last' if 'last' in name else 'best')


def test_a_sparse_giant_in_the_place_of_a_checkpoint_is_refused_before_it_is_read(folder):
    start(folder, epochs=1)
    os.truncate(os.path.join(folder, 'best.safetensors'), 2 ** 40)
    with pytest.raises(DamagedFile, match='it has 1099511627776 bytes, and at most'):
        gb.load_run(folder)


@pytest.mark.parametrize('text', ['{', '[]', '{"step": 6}', '{"step": 6, "seconds": "x"}',
                                  '{"step": 6, "seconds": NaN}', '\0' * 2000])
def test_a_damaged_clock_costs_only_the_seconds(folder, monkeypatch, text):
    start(folder + '0')
    stopped(monkeypatch, folder, 6)
    with open(os.path.join(folder, 'clock.json'), 'w') as f:
        f.write(text)
    gb.resume_run(folder)
    assert content(folder) == content(folder + '0')
