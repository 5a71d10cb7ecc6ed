"""The hint that the machine is busy: what counts as busy, and that it is told once."""

import pytest

from gluonblocks.training import busy
from gluonblocks.training.loop import TrainingState


@pytest.mark.parametrize('ran, waited, threads, crowded', [
    (9.9, 1.2, 2, False),  # measured on two idle cores
    (7.3, 10.8, 2, True),  # beside one process that never pauses
    (2.9, 8.5, 2, True),   # beside two
    (2.9, 8.5, 1, False),  # one thread cannot be fewer
    (2.9, 8.5, 0, True),   # MXNet's own choice of threads
    (0.1, 0.0, 2, False),  # waiting for a disk or a GPU
])
def test_threads_that_wait_longer_than_they_run_are_crowded(ran, waited, threads, crowded):
    assert busy.is_crowded(ran, waited, threads) is crowded


def write(folder, **threads):
    for name, text in threads.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name / 'schedstat').write_text(text)


def test_the_seconds_of_all_threads_are_added_up(tmp_path):
    write(tmp_path, t1='1500000000 250000000 7\n', t2='500000000 1000000000 9\n')
    assert busy.read_schedule(str(tmp_path)) == (2.0, 1.25)


class Clock:
    """Seconds that pass only by `sleep`, and threads that run and wait as they are told."""

    def __init__(self):
        self.now, self.schedule, self.readings = 0.0, (0.0, 0.0), 0

    def __call__(self):
        return self.now

    def read(self):
        self.readings += 1
        return self.schedule

    def sleep(self, seconds, ran, waited):
        self.now += seconds
        self.schedule = (self.schedule[0] + ran, self.schedule[1] + waited)


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '2')
    for name in ('MXNET_OMP_MAX_THREADS', *busy.SPINNING):
        monkeypatch.delenv(name, raising=False)
    return Clock()


def steps(clock, *passing):
    """A run of a step for each (seconds, ran, waited)."""
    hook = busy.BusyMachine(clock.read, clock)
    hook.begin(TrainingState())
    for times in passing:
        clock.sleep(*times)
        hook.batch_end(TrainingState())


def test_a_busy_machine_is_told_once_on_one_line(clock, capsys):
    steps(clock, *[(6, 3.0, 8.0)] * 5)
    out, err = capsys.readouterr()
    assert out == '' and err.count('\n') == 1
    assert 'within 6 seconds' in err and 'ran for 3.0 and waited for a core for 8.0' in err
    assert 'GOMP_SPINCOUNT=1000' in err


@pytest.mark.parametrize('passing', [
    [(6, 11.5, 0.5)] * 5,               # idle otherwise
    [(1, 0.4, 1.6)] * 3,                # busy, but not for long
    [(4.9, 9.5, 0.1), (1, 0.4, 1.6)]])  # a short while within a longer one
def test_nothing_is_told_of_a_machine_that_is_not_busy(clock, capsys, passing):
    steps(clock, *passing)
    assert capsys.readouterr().err == ''


@pytest.mark.parametrize('name, value', [('GOMP_SPINCOUNT', '1000'),
                                         ('OMP_WAIT_POLICY', 'passive')])
def test_who_has_said_how_threads_wait_is_told_nothing(clock, capsys, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    steps(clock, (6, 3.0, 8.0))
    assert capsys.readouterr().err == ''


def test_a_system_that_counts_nothing_is_told_nothing(clock, capsys):
    clock.schedule = None
    hook = busy.BusyMachine(clock.read, clock)
    hook.begin(TrainingState())
    clock.now = 100
    hook.batch_end(TrainingState())
    assert capsys.readouterr().err == '' and clock.readings == 1
