"""tools/results.py prints a table of several runs."""
from types import SimpleNamespace

import pytest

from gluonblocks.report.run import Epoch
from tools import results

UNKNOWN = (float('nan'),) * 3


def run(folder, seed, test_acc=0.5, chosen=(), state='finished: 5 epochs', **options):
    """Return a run of lenet_bn, in the form in which the report reads it from a folder."""
    config = dict(dict(model='lenet_bn', dataset='fashion-mnist', seed=seed, epochs=5,
                       chosen=['seed', *chosen]), **options)
    return SimpleNamespace(folder=folder, config=config, state=state,
                           epochs=[Epoch(5, 0.25, 0.875, test_acc, *UNKNOWN)])


@pytest.fixture
def print_runs(monkeypatch, capsys):
    """Return a function: runs -> (exit code, lines of the table without its head, stderr)."""
    def do(*runs):
        monkeypatch.setattr(results, 'read_runs', lambda folders: list(runs))
        code = results.main(['folder'])
        out, err = capsys.readouterr()
        return code, out.splitlines()[2:], err
    return do


def test_runs_that_differ_only_in_their_seed_share_a_row_of_means_and_ranges(print_runs):
    code, (mean, *_, other), _ = print_runs(
        run('a', 1, 0.25), run('b', 2, 0.75), run('c', 1, 0.5, chosen=['lr'], lr=0.125))
    assert code == 0
    assert mean == ('| `lenet_bn` | gluonblocks | 2 | 5 | 0.2500 (0.2500–0.2500) '
                    '| 0.875 (0.875–0.875) | 0.500 (0.250–0.750) |')
    assert other == '| `lenet_bn`, lr 0.125 | gluonblocks | 1 | 5 | 0.2500 | 0.875 | 0.500 |'


def test_a_record_of_norms_does_not_separate_runs_and_resuming_for_more_epochs_does(print_runs):
    recorded = run('b', 2, chosen=['norm_stats', 'stop_non_finite'], norm_stats=True,
                   stop_non_finite=False)
    _, lines, _ = print_runs(run('a', 1), recorded, run('c', 3, epochs=6))
    assert [line[:30] for line in lines if '`' in line] == [
        '| `lenet_bn` | gluonblocks | 2', '| `lenet_bn` | gluonblocks | 1']


def test_published_results_follow_a_model_that_was_trained_with_its_recipe(print_runs):
    assert '| | the book, 5.11.3 | 1 | 5 | 0.3033 | 0.889 | 0.861 |' in print_runs(run('a', 1))[1]
    assert len(print_runs(run('a', 1, chosen=['lr'], lr=0.125))[1]) == 1


@pytest.mark.parametrize('second, said', [
    (run('b', 1), 'expected one run for each seed, but a and b both have seed 1'),
    (run('b', 2, state='not finished: 3 of 5 epochs'), 'b is not finished: 3 of 5 epochs')])
def test_equal_seeds_and_unfinished_runs_are_rejected(print_runs, second, said):
    assert print_runs(run('a', 1), second) == (1, [], 'error: %s\n' % said)
