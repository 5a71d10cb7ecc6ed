"""The hint that the machine is busy."""
import pytest

from gluonblocks.training import busy
from gluonblocks.training.loop import TrainingState


class Clock:
    """Seconds that pass only by `sleep`, in which threads run and wait as given."""

    def __init__(self):
        self.now, self.schedule = 0.0, (0.0, 0.0)

    def __call__(self):
        return self.now

    def read(self):
        return self.schedule

    def sleep(self, seconds, ran, waited):
        self.now += seconds
        self.schedule = (self.schedule[0] + ran, self.schedule[1] + waited)


@pytest.fixture
def hints(monkeypatch, capsys):
    """Run a step for each (seconds, ran, waited); return the lines on stderr."""
    monkeypatch.setenv('OMP_NUM_THREADS', '2')
    for name in ('MXNET_OMP_MAX_THREADS', *busy.SPINNING):
        monkeypatch.delenv(name, raising=False)

    def run(*steps):
        clock = Clock()
        hook = busy.BusyMachine(clock.read, clock)
        hook.begin(TrainingState())
        for times in steps:
            clock.sleep(*times)
            hook.batch_end(TrainingState())
        return capsys.readouterr().err.splitlines()
    return run


def test_a_busy_machine_is_reported_once(hints):
    line, = hints(*[(6, 11.5, 0.5)] * 3, *[(6, 3.0, 8.0)] * 5)
    assert 'last 6 seconds' in line and 'ran for 3.0 s and waited for a core for 8.0 s' in line
    assert 'GOMP_SPINCOUNT=1000' in line


@pytest.mark.parametrize('steps, env', [
    ([(6, 11.5, 0.5)] * 5, {}),                # nothing else runs
    ([(1, 0.4, 1.6)] * 3, {}),                 # busy, but not for long
    ([(4.9, 9.5, 0.1), (1, 0.4, 1.6)], {}),    # a short while within a longer one
    ([(6, 3.0, 8.0)], {'OMP_NUM_THREADS': '1'}), ([(6, 3.0, 8.0)], {'MXNET_OMP_MAX_THREADS': '1'}),
    ([(6, 3.0, 8.0)], {'GOMP_SPINCOUNT': '1'}), ([(6, 3.0, 8.0)], {'OMP_WAIT_POLICY': 'passive'})])
def test_there_is_no_hint_on_a_quiet_machine_for_one_thread_or_a_user_who_has_chosen(
        hints, monkeypatch, steps, env):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert hints(*steps) == []


def test_the_seconds_of_all_threads_are_added_up(tmp_path):
    for name, text in [('t1', '1500000000 250000000 7\n'), ('t2', '500000000 1000000000 9\n')]:
        (tmp_path / name).mkdir()
        (tmp_path / name / 'schedstat').write_text(text)
    assert busy.read_schedule(str(tmp_path)) == (2.0, 1.25)
    assert busy.read_schedule(str(tmp_path / 'none')) is None
