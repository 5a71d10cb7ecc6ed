"""How long a command takes, where it takes its end by an error."""
from types import SimpleNamespace

import pytest

from benchmarks import startup
from benchmarks.workers import WorkerError


@pytest.mark.parametrize('measure', [startup.startup, startup.whole])
def test_a_training_that_fails_is_no_time_but_an_error_with_its_last_line(measure):
    settings = SimpleNamespace(rounds=1, starts=0, threads=1, batch_size=256, dataset='no_such',
                               data_root=None)
    with pytest.raises(WorkerError, match='^scripts/train.py: See .*train.py --help$'):
        measure(settings)
