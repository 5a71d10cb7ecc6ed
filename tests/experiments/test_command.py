"""scripts/experiments.py: what it is asked, what it says, and its charts."""
import os

import pytest

from experiments import batch_size, command, depth, rates, variants, warmup
from gluonblocks.commands import running
from gluonblocks.training.loop import EpochRecord

CURVE = [EpochRecord(1, 2.0, 0.3, 0.4, 1.0), EpochRecord(2, 1.0, 0.6, 0.7, 1.0)]
ROWS = {
    'rates': [rates.Row(model, lr, (2.0, loss), 0.5, loss < 1) for model in rates.MODELS
              for lr, loss in ((0.5, 0.4), (1, float('nan')))],
    'variants': [variants.Row('lenet', 10, 0.9, CURVE), variants.Row('lenet_bn', 10, 1.0, CURVE)],
    'batch_size': [batch_size.Row(model, size, 0.1, 1.0, 0.5, 0.4)
                   for size in (1, 8) for model in batch_size.MODELS],
    'warmup': [warmup.Row(step, 0.1, 0.1, 0.2, 0.3, 0.4) for step in (1, 10)],
    'depth': [depth.Row('paper_resnet18', 4, 32, 1e3, 1.0, 9.0, (1.0, float('inf')), (1.0, 2.0),
                        (1.0, 2.0), (1.0, 2.0))]}


def run(*args):
    return running.run(command.main, lambda: command.parse(list(args), 'experiments.py'))


def test_the_script_lists_each_experiment_with_a_sentence(script):
    code, out, err = script('experiments.py', '--list')
    assert code == 0 and err == ''
    assert [line.split()[0] for line in out.splitlines()] == list(command.NAMES)
    assert all(line.endswith('.') for line in out.splitlines())


def test_interrupted_while_it_imports_it_is_code_130_in_a_line(script, tmp_path):
    (tmp_path / 'mxnet.py').write_text('raise KeyboardInterrupt')
    code, out, err = script('experiments.py', '--list', PYTHONPATH=str(tmp_path))
    assert (code, out, err) == (130, '', 'interrupted\n')


def test_help_has_an_example_and_the_exit_codes(capsys):
    with pytest.raises(SystemExit) as stop:
        run('--help')
    out = capsys.readouterr().out
    assert stop.value.code == 0 and 'experiments.py rates --quick' in out
    assert '130 interrupted' in out


@pytest.mark.parametrize('args, said', [
    ((), 'which one? NAME is one of bias, rates'),
    (('vgg',), "invalid choice: 'vgg'"),
    (('rates', '--chart', 'x.doc'), 'x.doc must end in .png or .svg'),
    (('bias', '--chart', 'x.png'), 'bias has no chart'),
    (('rates', '--seed', '-1'), 'is -1, but must be at least 0'),
    (('rates', '--seed', str(2 ** 31)), 'argument --seed: is 2147483648, but must be')])
def test_wrong_arguments_are_code_2_with_what_is_allowed(args, said, capsys):
    with pytest.raises(SystemExit) as stop:
        run(*args)
    out, err = capsys.readouterr()
    assert stop.value.code == 2 and out == '' and said in err


def test_a_chart_that_cannot_be_written_is_said_before_anything_is_trained(
        tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(rates, 'run', None)
    assert run('rates', '--quick', '--chart', str(tmp_path / 'none' / 'x.png')) == 1
    assert 'none is no folder that may be written to' in capsys.readouterr().err


def test_missing_data_are_code_1_with_what_to_do(tmp_path, capsys):
    (tmp_path / 'train-images-idx3-ubyte').write_bytes(b'not what it should be')
    for name in ('train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1'):
        (tmp_path / (name + '-ubyte')).write_bytes(b'')
    assert run('bias', '--data-root', str(tmp_path)) == 1
    out, err = capsys.readouterr()
    assert out == '' and 'train-images-idx3-ubyte: wrong file' in err


@pytest.mark.parametrize('name', ROWS)
def test_a_chart_is_drawn_of_the_figures_that_are_printed(name, monkeypatch, tmp_path, capsys):
    experiment, path = command._experiment(name), str(tmp_path / 'chart.svg')
    monkeypatch.setattr(experiment, 'run', lambda settings: ROWS[name])
    assert run(name, '--chart', path) == 0
    assert capsys.readouterr().out == experiment.report(ROWS[name]) + '\n'
    with open(path) as f:
        drawn = f.read()
    assert drawn.startswith('<?xml') and (ROWS[name][0][0] if name != 'warmup' else 'variance '
                                          'from 0') in drawn
    assert os.listdir(str(tmp_path)) == ['chart.svg']


def test_every_experiment_with_a_chart_is_drawn_here():
    assert set(ROWS) == {name for name in command.NAMES
                         if hasattr(command._experiment(name), 'draw')}
