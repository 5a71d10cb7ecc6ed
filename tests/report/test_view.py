"""What a run's folder says of it in words: how far it came, and how it is repeated."""
import os

import pytest
from runs_on_disk import rewrite
from small_runs import start

from gluonblocks.commands import train
from gluonblocks.report.published import published_runs
from gluonblocks.report.view import read_runs, repeating_command
from gluonblocks.runs.config import read_config
from gluonblocks.runs.options import OPTIONS
from gluonblocks.runs.resolve import resolve_options

pytestmark = pytest.mark.usefixtures('little_data')


def test_the_command_asks_for_what_the_run_was_asked_for(folder):
    start(folder, epochs=2, optimizer='adam', lr=0.003, lr_schedule='step', lr_decay_epochs=[1],
          label_smoothing=0.1)
    config = read_config(folder)
    words = ' '.join(repeating_command(config)).split()
    args = train.parse(words[words.index('train') + 1:], 'train')
    again = resolve_options(args.model, {name: getattr(args, name) for name in OPTIONS})
    for name in OPTIONS:
        if name not in ('ctx', 'stop_non_finite'):
            assert again[name] == config[name], name


def test_the_command_leaves_out_what_is_usual(folder):
    start(folder, epochs=5, batch_size=256, seed=3)
    assert ' '.join(repeating_command(dict(read_config(folder), threads=None))) == (
        'gluonblocks train --model lenet_bn --ctx cpu:0 --seed 3 --dataset synthetic '
        '--out runs/again')


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
    with pytest.raises(ValueError, match='its epochs are not 1, 2, 3'):
        read_runs([folder])


def test_published_figures_are_those_of_the_readme():
    with open(os.path.join(os.path.dirname(__file__), '..', '..', 'README.md')) as f:
        readme = f.read()
    for model in ('lenet_bn', 'lenet_bn_gluon', 'resnet', 'densenet'):
        for one in published_runs(model, 'fashion-mnist'):
            epoch, loss, train_acc, test_acc = one.rows[-1]
            assert '| %d | %.4f | %.3f | %.3f |' % (epoch, loss, train_acc, test_acc) in readme
    assert published_runs('lenet_bn', 'synthetic') == []
