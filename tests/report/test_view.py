"""A run's folder in words: how far it came, how it is repeated, and what differs from the defaults.
"""
import os
import re

import pytest
from conftest import REPOSITORY, replace_recipe
from runs_on_disk import rewrite

import gluonblocks as gb
from gluonblocks.commands import train
from gluonblocks.report.charts import published_runs
from gluonblocks.report.recipe import commands_of, recipe_rows
from gluonblocks.report.run import read_runs
from gluonblocks.runs.config import read_config
from gluonblocks.runs.options import OPTIONS
from gluonblocks.runs.train import check_options, resolve_options


def test_the_command_asks_for_the_options_of_the_run(trained):
    asked = dict(epochs=2, optimizer='adam', lr=0.003, lr_schedule='step', lr_decay_epochs=[1],
                 label_smoothing=0.1)
    config = dict(read_config(trained), **asked, chosen=sorted(asked))
    words = ' '.join(commands_of(config)[0]).split()
    args = train.parse(words[words.index('train') + 1:], 'train')
    again = resolve_options(args.model, check_options(vars(args)), in_folder=True)
    for name in OPTIONS:
        if name not in ('ctx', 'stop_non_finite', 'momentum'):
            assert getattr(again, name) == config[name], name


def test_the_command_leaves_out_the_defaults(trained):
    config = dict(read_config(trained), epochs=5, batch_size=256, seed=3, lr=1.0,
                  norm_stats=False, threads=None)
    assert [' '.join(command) for command in commands_of(config)] == [
        'gluonblocks train --model lenet_bn --ctx cpu:0 --seed 3 --dataset synthetic '
        '--out runs/again']


@pytest.mark.parametrize('changes, first, then, words', [
    ([[0, 2], [4, 1]], '--workers 2', ['after step 4', '--workers 1'], '2, then 1 from step 5'),
    ([[0, 1], [4, 2], [9, 4]], '', ['after step 4', '--workers 2', 'after step 9', '--workers 4'],
     '1, then 2 from step 5, then 4 from step 10'),
    ([[0, 1], [0, 2]], '--workers 2', [], '2'), ([[0, 1], [4, 2], [4, 1]], '', [], '1')])
def test_the_number_of_workers_changes_at_the_steps_of_the_run(
        trained, changes, first, then, words):
    config = dict(read_config(trained), worker_changes=changes, workers=changes[-1][1])
    command, *others = [' '.join(words) for words in commands_of(config)]
    assert ('workers', words, '1') in recipe_rows(config)[0]
    assert ('--workers' in command) == bool(first) and first in command
    assert len(others) == len(then) and all(map(str.__contains__, others, then))
    for words in others[1::2]:
        args = train.parse(words[words.index('train') + 5:].split(), 'train')
        assert args.resume == 'runs/again' and args.change_workers


@pytest.mark.parametrize('recipe, side, row, said', [
    (20, 20, ('resize', '20 × 20 pixels', '20 × 20 pixels'), False),
    (None, 20, ('resize', '20 × 20 pixels', 'no'), True),
    (20, 24, ('resize', '24 × 24 pixels', '20 × 20 pixels'), True)])
def test_a_resize_is_shown_with_the_default_and_repeated_if_it_differs(
        trained, monkeypatch, recipe, side, row, said):
    replace_recipe(monkeypatch, 'lenet_bn', resize=recipe)
    config = dict(read_config(trained), resize=side, chosen=['resize'] if said else [])
    rows, changed = recipe_rows(config)
    assert row in rows and (rows.index(row) in changed) == said
    assert ('--resize %s' % side in commands_of(config)[0]) == said


@pytest.mark.parametrize('epochs, early_stop, done, words', [
    (1, None, 1, 'finished: 1 epoch'), (3, None, 2, 'not finished: 2 of 3 epochs'),
    (9, 2, 3, 'stopped early: 3 of 9 epochs')])
def test_the_state_of_a_run_is_in_words(run, epochs, early_stop, done, words):
    rewrite(run, [(1.0, 0.5, 0.5)] * done, epochs=epochs, early_stop=early_stop)
    (found,) = read_runs([run])
    assert found.state == words and len(found.epochs) == done


def test_a_history_of_other_epochs_is_refused_and_lost_times_are_not(run):
    with open(os.path.join(run, 'times.csv'), 'w') as f:
        f.write('nonsense\n')
    assert len(read_runs([run])[0].epochs) == 3
    with open(os.path.join(run, 'history.csv'), 'a') as f:
        f.write('7,1.0,0.5,0.5,0.1\n')
    with pytest.raises(ValueError, match='history.csv, line 5: expected epoch 4, found 7. Resume'):
        read_runs([run])


@pytest.mark.parametrize('content, line', [
    (b'\xff\xfe', 1), (b'%s\n1,x,0.5,0.5,0.1\n', 2), (b'%s\n1,1,0.5,0.5,1\n2,1\n', 3)])
def test_a_damaged_history_is_named_with_its_line_and_the_remedy(run, content, line):
    path = os.path.join(run, 'history.csv')
    with open(path, 'rb') as f:
        good = f.read()
    with open(path, 'wb') as f:
        f.write(content.replace(b'%s', good.splitlines()[0]))
    with pytest.raises(ValueError, match=re.escape(path) + ', line %d: expected .*, found .*'
                       'Resume the run to restore the file' % line):
        read_runs([run])
    if line == 3:  # the remedy works
        gb.resume_run(run)
        with open(path, 'rb') as f:
            assert f.read() == good


def test_published_figures_are_those_of_the_readme():
    with open(os.path.join(REPOSITORY, 'README.md')) as f:
        readme = f.read()
    for model in ('lenet_bn', 'lenet_bn_gluon', 'resnet', 'densenet'):
        for _, rows in published_runs({'model': model, 'dataset': 'fashion-mnist'}):
            assert '| %d | %.4f | %.3f | %.3f |' % rows[-1] in readme
    assert published_runs({'model': 'lenet_bn', 'dataset': 'synthetic'}) == []
