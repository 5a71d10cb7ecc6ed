"""scripts/train.py as a user runs it: output, exit codes, errors without a traceback."""
import os
import re
import signal

import pytest
from conftest import REPOSITORY, said

import gluonblocks as gb
from gluonblocks import _runtime
from gluonblocks.models.registry import models_in_words

SCRIPT = os.path.join(REPOSITORY, 'scripts', 'train.py')
SYNTHETIC = ('--model', 'lenet_bn', '--dataset', 'synthetic')
EPOCH = r'epoch %d, loss \d\.\d{4}, train acc \d\.\d{3}, test acc \d\.\d{3}, time \d+\.\d sec'


def finish(process):
    out, err = process.communicate(timeout=300)
    assert 'Traceback' not in err
    return process.returncode, out, err


def test_it_prints_the_books_lines_on_stdout_and_nothing_else(train_script):
    code, out, err = finish(train_script(*SYNTHETIC, '--epochs', '2', '--seed', '0'))
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].startswith('training on ') and len(lines) == 3
    for i in (1, 2):
        assert re.match(EPOCH % i + '$', lines[i])
    assert 'lenet_bn on synthetic: lr 1, batch size 256, epochs 2, seed 0' in err


def test_help_has_an_example_and_every_model(train_script):
    code, out, _ = finish(train_script('--help'))
    assert code == 0 and 'scripts/train.py --model lenet_bn\n' in out
    assert all(name in out for name in gb.list_models('book'))
    assert models_in_words() in ' '.join(out.split())


def test_summary_prints_the_layer_table_and_trains_nothing(train_script):
    code, out, err = finish(train_script('--model', 'resnet', '--summary'))
    assert code == 0 and err == ''
    assert out.startswith('layer ') and len(out.splitlines()) == 20
    assert '17,451,018' in out.splitlines()[-1]


def test_summary_of_a_run_is_that_of_its_model(train_script, make_run):
    folder, _ = make_run()
    summary = finish(train_script('--model', 'lenet_bn', '--summary'))
    assert finish(train_script('--resume', str(folder), '--summary')) == summary
    assert summary[0] == 0 and '44,878' in summary[1]


@pytest.mark.parametrize('arguments, words', [
    (('--model', 'lanet'), "no model 'lanet'; near it are lenet"),
    ((), '--model is needed, or --resume'),
    (SYNTHETIC + ('--out', 'x', '--resume', 'y'), 'name one of them'),
    (SYNTHETIC + ('--tensorboard',), 'argument --tensorboard: goes with --out or --resume'),
    (SYNTHETIC + ('--optimizer', 'x'), "argument --optimizer: is 'x', but must be one of adad"),
    (SYNTHETIC + ('--lr-decay-epochs', '3,x'), "'3,x' is no list of whole numbers"),
    (SYNTHETIC + ('--epochs', '0'), 'argument --epochs: is 0, but must be at least 1'),
    (SYNTHETIC + ('--lr', 'nan'), 'is nan, but must be above 0'),
    (SYNTHETIC + ('--batch-size', 'x'), "'x' is no whole number"),
    (SYNTHETIC + ('--seed', '-1'), 'is -1, but must be at least 0'),
    (SYNTHETIC + ('--data-root', 'x'), 'but the data set synthetic has no files'),
])
def test_wrong_arguments_end_with_code_2_and_say_what_is_allowed(train_script, arguments, words):
    code, out, err = finish(train_script(*arguments))
    assert code == 2 and out == '' and words in err and err.startswith('error: ')
    assert len(err.splitlines()) <= 2


@pytest.mark.parametrize('ctx, words', [('tpu', "no device 'tpu'"), ('gpu:99', 'cannot be used')])
def test_a_device_that_is_not_there_ends_with_code_2(train_script, ctx, words):
    code, out, err = finish(train_script(*SYNTHETIC, '--ctx', ctx))
    assert code == 2 and out == '' and err.startswith('error: argument --ctx: ') and words in err


def test_a_bad_file_ends_with_code_1_and_its_name(train_script, tmp_path):
    (tmp_path / 'train-images-idx3-ubyte.gz').write_bytes(b'not what it should be')
    for name in ('train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1'):
        (tmp_path / (name + '-ubyte.gz')).write_bytes(b'')
    code, out, err = finish(train_script('--model', 'lenet_bn', '--data-root', str(tmp_path)))
    assert code == 1 and out == ''
    assert re.match(r'error: .*train-images-idx3-ubyte\.gz: wrong file', err)


def test_ctrl_c_ends_in_one_line_with_code_130(train_script):
    process = train_script(*SYNTHETIC, '--epochs', '10000')
    for _ in range(2):  # the first epoch is done
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert code == 130
    assert said(err)[-1] == (
        'interrupted: training stopped between two batches, nothing was saved')
    assert len(said(err)) == 2  # it, and what the run resolved


def test_sigterm_ends_in_one_line_with_code_143(train_script):
    process = train_script(*SYNTHETIC, '--epochs', '10000')
    for _ in range(2):
        process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 143 and err.splitlines()[-1].startswith('interrupted: ')


def test_a_run_that_is_stopped_goes_on_as_it_says(train_script, tmp_path):
    folder = str(tmp_path / 'run')
    process = train_script(*SYNTHETIC, '--epochs', '10000', '--seed', '0', '--out', folder)
    lines = [process.stdout.readline() for _ in range(3)]
    process.send_signal(signal.SIGTERM)
    code, out, err = finish(process)
    assert code == 143
    assert 'To go on:\n  python %s --resume %s\n' % (SCRIPT, folder) in err
    done = len(lines[1:]) + len(out.splitlines())
    code, more, err = finish(train_script('--resume', folder, '--epochs', str(done + 1)))
    assert code == 0, err
    assert re.match(EPOCH % (done + 1) + '\n$', more)

    code, out, err = finish(train_script(*SYNTHETIC, '--out', folder))
    assert code == 1 and out == '' and 'error: %s holds a run already' % folder in err
    code, out, err = finish(train_script('--resume', folder, '--lr', '0.5'))
    assert code == 1 and out == '' and 'lr 1.0 there, 0.5 here' in err


def test_a_loss_that_is_not_finite_ends_with_code_1(train_script):
    code, _, err = finish(train_script(*SYNTHETIC, '--lr', '1e38', '--stop-non-finite'))
    assert code == 1
    assert re.search(r'^error: the loss is not finite in epoch 1, step \d .*learning rate 1e\+38',
                     err, re.M)


def test_a_reader_that_goes_away_is_no_traceback(train_script):
    process = train_script(*SYNTHETIC, '--epochs', '10000')
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=300) == 141
    assert 'Traceback' not in process.stderr.read()
    process.stderr.close()


def test_without_mxnet_it_says_what_to_install(train_script, tmp_path):
    (tmp_path / 'mxnet.py').write_text('raise ImportError("No module named mxnet")')
    code, _, err = finish(train_script(*SYNTHETIC, PYTHONPATH=str(tmp_path)))
    assert code == 1 and _runtime.install_command() in err
