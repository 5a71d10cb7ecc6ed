"""What a run's folder says of it in words: how far it came, and how it is repeated."""
import os
import re

import pytest
from runs_on_disk import rewrite
from small_runs import start

import gluonblocks as gb
from gluonblocks.commands import train
from gluonblocks.report.published import published_runs
from gluonblocks.report.view import read_runs, repeating_commands
from gluonblocks.report.write import write_report
from gluonblocks.runs.config import read_config
from gluonblocks.runs.options import OPTIONS
from gluonblocks.runs.resolve import check_given, resolve_options

pytestmark = pytest.mark.usefixtures('little_data')


def test_the_command_asks_for_what_the_run_was_asked_for(folder):
    start(folder, epochs=2, optimizer='adam', lr=0.003, lr_schedule='step', lr_decay_epochs=[1],
          label_smoothing=0.1)
    config = read_config(folder)
    words = ' '.join(repeating_commands(config)[0]).split()
    args = train.parse(words[words.index('train') + 1:], 'train')
    again = resolve_options(args.model, check_given(vars(args)), in_folder=True)
    for name in OPTIONS:
        if name not in ('ctx', 'stop_non_finite'):
            assert getattr(again, name) == config[name], name


def test_the_command_leaves_out_what_is_usual(folder):
    start(folder, epochs=5, batch_size=256, seed=3)
    (command,) = repeating_commands(dict(read_config(folder), threads=None))
    assert ' '.join(command) == (
        'gluonblocks train --model lenet_bn --ctx cpu:0 --seed 3 --dataset synthetic '
        '--out runs/again')


@pytest.mark.parametrize('changes, first, then', [
    ([[0, 2], [4, 1]], '--workers 2', ['after step 4', '--workers 1']),
    ([[0, 1], [4, 2], [9, 4]], '', ['after step 4', '--workers 2', 'after step 9', '--workers 4']),
    ([[0, 1], [0, 2]], '--workers 2', []),
    ([[0, 1], [4, 2], [4, 1]], '', [])])
def test_the_commands_change_the_number_of_workers_where_the_run_did(folder, changes, first, then):
    start(folder, epochs=1)
    config = dict(read_config(folder), worker_changes=changes, workers=changes[-1][1])
    command, *others = [' '.join(words) for words in repeating_commands(config)]
    assert ('--workers' in command) == bool(first) and first in command
    assert len(others) == len(then) and all(map(str.__contains__, others, then))
    for words in others[1::2]:
        args = train.parse(words[words.index('train') + 5:].split(), 'train')
        assert args.resume == 'runs/again' and args.change_workers


def test_the_page_tells_each_number_of_workers(folder, tmp_path):
    start(folder, epochs=1)
    rewrite(folder, worker_changes=[[0, 2], [4, 1]])
    write_report(folder, tmp_path / 'page.html', ctx='cpu')
    text = re.sub('<[^>]*>', '', (tmp_path / 'page.html').read_text())
    assert '2, then 1 from step 5' in text and '--resume runs/again --workers 1 --change' in text


@pytest.mark.parametrize('epochs, early_stop, done, words', [
    (3, None, 3, 'all 3 epochs done'), (1, None, 1, 'its one epoch done'),
    (3, None, 2, 'not finished: 2 of 3 epochs done'),
    (9, 2, 3, 'stopped early, after 3 of 9 epochs')])
def test_the_state_of_a_run_is_told(folder, epochs, early_stop, done, words):
    start(folder, epochs=1)
    rewrite(folder, [(1.0, 0.5, 0.5)] * done, epochs=epochs, early_stop=early_stop)
    (view,) = read_runs([folder])
    assert view.state == words and len(view.rows) == done


def test_a_damaged_history_is_refused_and_lost_times_are_not(folder):
    start(folder, epochs=1)
    with open(os.path.join(folder, 'times.csv'), 'w') as f:
        f.write('nonsense\n')
    assert len(read_runs([folder])[0].rows) == 1
    with open(os.path.join(folder, 'history.csv'), 'a') as f:
        f.write('7,1.0,0.5,0.5,0.1\n')
    with pytest.raises(ValueError, match='history.csv: its epochs are not 1, 2, 3 .* Resume the'):
        read_runs([folder])


@pytest.mark.parametrize('content, line', [
    (b'\xff\xfe', 1), (b'', 1), (b'%s\n1,x,0.5,0.5,0.1\n', 2), (b'%s\n1,1,0.5,0.5,\xe9\n', 2),
    (b'%s\n1,1,0.5,0.5,1\n2,1\n', 3), (b'%s\n1,1,1,1,1,1\n', 2), (b'%s\n\0', 2)])
def test_a_damaged_history_is_told_with_its_line_and_the_remedy_which_works(
        folder, content, line):
    start(folder, epochs=1)
    path = os.path.join(folder, 'history.csv')
    with open(path, 'rb') as f:
        good = f.read()
    with open(path, 'wb') as f:
        f.write(content.replace(b'%s', good.splitlines()[0]))
    with pytest.raises(ValueError, match=re.escape(path) + ', line %d: expected .*, found .*'
                       'Resume the run, which writes the file again' % line):
        read_runs([folder])
    gb.resume_run(folder)
    with open(path, 'rb') as f:
        assert f.read() == good


def test_published_figures_are_those_of_the_readme():
    with open(os.path.join(os.path.dirname(__file__), '..', '..', 'README.md')) as f:
        readme = f.read()
    for model in ('lenet_bn', 'lenet_bn_gluon', 'resnet', 'densenet'):
        for one in published_runs(model, 'fashion-mnist'):
            epoch, loss, train_acc, test_acc = one.rows[-1]
            assert '| %d | %.4f | %.3f | %.3f |' % (epoch, loss, train_acc, test_acc) in readme
    assert published_runs('lenet_bn', 'synthetic') == []
