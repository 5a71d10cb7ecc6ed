"""`gluonblocks train`: output, exit codes, options, and how it is stopped."""
import errno
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import REPOSITORY, said
from picture_files import saved

import gluonblocks as gb
from gluonblocks.commands import train
from gluonblocks.commands.train import options_table
from gluonblocks.files import unwritable
from gluonblocks.models.registry import models_in_words
from gluonblocks.models.summary import format_summary
from gluonblocks.runs.config import read_config
from gluonblocks.training.interrupt import Interrupted

SCRIPT = os.path.join(REPOSITORY, 'scripts', 'train.py')
SYNTHETIC = ('--model', 'lenet_bn', '--dataset', 'synthetic')
EPOCH = r'epoch %d, loss \d\.\d{4}, train acc \d\.\d{3}, test acc \d\.\d{3}, time \d+\.\d sec'


def finish(process):
    out, err = process.communicate(timeout=300)
    assert 'Traceback' not in err
    return process.returncode, out, err


def test_it_prints_the_books_lines_on_stdout_and_nothing_else(command):
    code, out, err = command('train', *SYNTHETIC, '--epochs', '2', '--seed', '0')
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].startswith('training on ') and len(lines) == 3
    for i in (1, 2):
        assert re.match(EPOCH % i + '$', lines[i])
    assert 'lenet_bn on synthetic: lr 1, batch size 256, epochs 2, seed 0' in err


def test_help_has_every_model_and_marks_what_a_resume_may_change_and_the_documents_too(command):
    words = ' '.join(command('train', '--help')[1].split())
    assert models_in_words() in words
    words = words.replace('- ', '-')  # argparse breaks lines at hyphens
    assert ('only --epochs, --data-root, --checkpoint-every, --tensorboard, --norm-stats, '
            '--norm-stats-every, --stop-non-finite, --workers may change') in words
    with open(os.path.join(REPOSITORY, 'docs', 'options.md')) as f:
        assert options_table() in f.read()


def test_help_fits_on_a_screen_and_that_of_train_has_groups_and_three_examples(command):
    assert len(command('--help')[1].splitlines()) <= 24
    helped = command('train', '--help')[1]
    groups = re.findall(r'^(model|data|recipe|run folder|several processes or machines)\b.*:$',
                        helped, re.M)
    assert groups == ['model', 'data', 'recipe', 'run folder', 'several processes or machines']
    assert len(helped.partition('examples:')[2].partition('\n\n')[0].strip().splitlines()) == 3


def test_summary_prints_the_layer_table_of_a_model_or_a_run_and_trains_nothing(command, make_run):
    code, out, err = command('train', '--model', 'resnet', '--summary')
    assert code == 0 and err == ''
    assert out.startswith('layer ') and len(out.splitlines()) == 20
    assert '17,451,018' in out.splitlines()[-1]
    folder, _ = make_run()
    summary = command('train', '--model', 'lenet_bn', '--summary')[:2]
    assert command('train', '--resume', folder, '--summary')[:2] == summary
    assert summary[0] == 0 and '44,878' in summary[1]


def test_the_summary_of_a_run_has_its_own_classes_channels_and_image_size(
        tmp_path, monkeypatch, command):
    for name, value in (('a', 200), ('b', 40)):
        (tmp_path / 'pictures' / name).mkdir(parents=True)
        for i in range(5):
            image = np.full((20, 24, 3), (value + i, 0, 0), np.uint8)
            saved(tmp_path / 'pictures' / name, image, '%d.png' % i)
    folder = str(tmp_path / 'run')
    net, _ = gb.train_model('lenet_bn', folder, dataset='folder:%s' % (tmp_path / 'pictures'),
                            test_share=0.4, epochs=1)
    out = command('train', '--resume', folder, '--summary')[1]
    rows = gb.layer_shapes(net, (1, 3, 20, 24))
    assert out == format_summary(rows) + '\n'
    assert rows[0].parameters == 3 * 6 * 25 + 6 and rows[-1].output_shape == (1, 2)


@pytest.mark.parametrize('arguments, words', [
    (('--model', 'lanet'), "argument --model: unknown model 'lanet': did you mean lenet"),
    ((), 'expected --model NAME or --resume FOLDER'),
    (SYNTHETIC + ('--out', 'x', '--resume', 'y'), 'expected either --out, for a new run, or --res'),
    (SYNTHETIC + ('--no-report',), 'argument --no-report: requires --out or --resume'),
    (SYNTHETIC + ('--no-lr',), 'unrecognized arguments: --no-lr'),
    (SYNTHETIC + ('--epochs', 'many'), "argument --epochs: expected an integer, got 'many'\nS"),
    (SYNTHETIC + ('--lr-decay-epochs', '3,x'),
     "expected comma-separated integers such as 30,60, got '3,x'"),
    (SYNTHETIC + ('--tensorboard',), 'argument --tensorboard: requires a run that is saved in a '
                                     'folder: set --out'),
    (SYNTHETIC + ('--epochs', '2', '--warmup-epochs', '9'),
     'argument --warmup-epochs: must be less than --epochs (2), got 9'),
    (SYNTHETIC + ('--optimizer', 'adam', '--momentum', '0.9'),
     'argument --momentum: cannot be used with --optimizer adam, which has no momentum parameter'),
    (SYNTHETIC + ('--ctx', 'gpu:60'), 'argument --ctx: is invalid: gpu(60) cannot be used')])
def test_wrong_arguments_end_with_code_2_and_say_what_is_allowed(command, arguments, words):
    code, out, err = command('train', *arguments)
    assert code == 2 and out == '' and words in err and err.startswith('error: ')
    assert len(err.splitlines()) <= 2


def test_what_a_resume_may_change_and_what_not(command, folder):
    code, _, err = command('train', *SYNTHETIC, '--epochs', '1', '--seed', '0', '--out', folder,
                           '--norm-stats', '--norm-stats-every', '2', '--no-report')
    assert code == 0, err
    names = 'norm_stats', 'stop_non_finite', 'tensorboard'
    assert [read_config(folder)[name] for name in names] == [True, True, False]
    code, out, err = command('train', '--resume', folder, '--epochs', '2', '--no-norm-stats',
                             '--no-stop-non-finite', '--no-tensorboard', '--no-report')
    assert code == 0 and re.match(EPOCH % 2 + '\n$', out), err
    assert [read_config(folder)[name] for name in names] == [False] * 3
    code, out, err = command('train', '--resume', folder, '--batch-size', '32')
    assert code == 1 and out == '' and '\n  --batch-size was 256, is now 32\n' in err
    code, out, err = command('train', '--resume', folder, '--workers', '2')
    assert code == 2 and 'argument --workers: must stay 1, got 2' in err
    assert 'Set --change-workers to allow it' in err
    code, out, err = command('train', *SYNTHETIC, '--out', folder)
    assert code == 1 and out == '' and 'error: %s already contains a run' % folder in err


def test_ctrl_c_ends_in_one_line_with_code_130(train_script):
    process = train_script(*SYNTHETIC, '--epochs', '10000')
    for _ in range(2):  # the first epoch is done
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert code == 130
    assert said(err)[-1] == (
        'interrupted: training stopped between two batches; nothing was saved')
    assert len(said(err)) == 2  # it, and what the run resolved


def test_a_run_that_is_terminated_with_code_143_goes_on_as_it_says(train_script, tmp_path):
    folder = str(tmp_path / 'run')
    process = train_script(*SYNTHETIC, '--epochs', '10000', '--seed', '0', '--out', folder)
    lines = [process.stdout.readline() for _ in range(3)]
    process.send_signal(signal.SIGTERM)
    code, out, err = finish(process)
    assert code == 143
    line = err.split('To resume the run:\n')[1].splitlines()[0]
    assert line.endswith('%s --resume %s' % (SCRIPT, folder))
    done = len(lines[1:]) + len(out.splitlines())
    more = subprocess.check_output('%s --epochs %d --no-report' % (line, done + 1), shell=True,
                                   text=True)
    assert re.match(EPOCH % (done + 1) + '\n$', more)


def test_the_resume_command_works_without_gluonblocks_on_the_path(command, monkeypatch, tmp_path):
    def stop(folder, *args, **options):
        raise Interrupted(signal.SIGINT, True)
    monkeypatch.setattr(train, 'resume_run', stop)
    monkeypatch.setenv('PATH', str(tmp_path))
    _, _, err = command('train', '--resume', str(tmp_path))
    python = os.path.relpath(sys.executable)
    assert err.splitlines()[:2] == ['To resume the run:', '  %s -m gluonblocks train --resume %s'
                                    % (python, tmp_path)]


def test_no_command_resumes_a_run_that_was_stopped_before_it_had_a_folder(
        command, monkeypatch, folder):
    def stop(*args, **options):
        raise Interrupted(signal.SIGTERM, True, 'stopped before the first step')
    monkeypatch.setattr(train, 'train_model', stop)
    code, _, err = command('train', *SYNTHETIC, '--workers', '2', '--out', folder)
    assert (code, err) == (143, 'interrupted: stopped before the first step\n')


def test_a_full_disk_ends_a_run_with_the_command_that_resumes_it(command, monkeypatch, tmp_path):
    def fill(folder, *args, **options):
        error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise unwritable(folder, error) from error
    monkeypatch.setattr(train, 'resume_run', fill)
    for checkpoints in (0, 1):
        code, _, err = command('train', '--resume', str(tmp_path))
        assert code == 1 and 'could not be written: No space left' in err
        assert err.count('--resume %s' % tmp_path) == checkpoints
        (tmp_path / 'last.safetensors').touch()


def test_an_error_of_a_users_block_that_says_nothing_keeps_its_traceback(command, monkeypatch):
    def fail(*args, **options):
        raise NotImplementedError  # as Gluon's Block does in place of a missing `forward`
    monkeypatch.setattr(train, 'train_model', fail)
    with pytest.raises(NotImplementedError):
        command('train', *SYNTHETIC)
