"""Whom the others wait for in vain, by beats at given times."""
import pytest

from gluonblocks.distributed.watch import Limits, Watch

LIMITS = Limits(start=60, stall=30, silence=20, vanish=10)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def watch(clock):
    return Watch({'worker 0': 'a:0', 'worker 1': 'b:1', 'server 0': 'a:server 0'}, LIMITS, clock)


def beats(watch, clock, until, **marks):
    """Beats each second: by default all train, each a step a second."""
    while clock.now < until:
        clock.now += 1
        for name in ('worker 0', 'worker 1', 'server 0'):
            mark = marks.get(name.replace(' ', '_'), 'training')
            if mark is None:
                continue
            count = int(clock.now) if isinstance(mark, str) else mark[1]
            phase = mark if isinstance(mark, str) else mark[0]
            watch.beat(name, 'serving' if 'server' in name else phase, count,
                       0 if 'server' in name else count)


def test_processes_that_go_on_are_left_alone(watch, clock):
    beats(watch, clock, 500)
    assert watch.verdict() is None


def test_one_that_never_starts_is_named(watch, clock):
    beats(watch, clock, 59, worker_1=None)
    assert watch.verdict() is None
    beats(watch, clock, 61, worker_1=None)
    assert watch.verdict() == 'b:1: has not started within 60 s'


def test_one_that_beats_no_more_is_named_with_its_step(watch, clock):
    beats(watch, clock, 7)
    beats(watch, clock, 28, worker_1=None, worker_0=('training', 8))
    assert watch.verdict() == 'b:1, step 7: no beat for 20 s: it was stopped, or hangs'


def test_a_server_that_beats_no_more_is_named(watch, clock):
    beats(watch, clock, 7)
    beats(watch, clock, 28, server_0=None, worker_0=('training', 8), worker_1=('training', 8))
    assert watch.verdict() == 'a:server 0: no beat for 20 s: it was stopped, or hangs'


def test_of_two_that_stand_still_the_one_that_is_behind_is_named(watch, clock):
    beats(watch, clock, 9, worker_1=('training', 6))
    beats(watch, clock, 45, worker_0=('training', 9), worker_1=('training', 6))
    assert watch.verdict() == 'b:1, step 6: has not ended the next within 30 s'


def test_those_that_wait_for_one_that_saves_are_not_lost(watch, clock):
    beats(watch, clock, 9)
    beats(watch, clock, 200, worker_0=('busy', 10), worker_1=('training', 9))
    assert watch.verdict() is None
    beats(watch, clock, 320, worker_0=('busy', 10), worker_1=('training', 9))
    assert watch.verdict() == 'a:0, step 10: has not ended what follows within 300 s'


def test_those_that_waited_for_one_that_saved_have_their_time_for_the_step_after_it(watch, clock):
    beats(watch, clock, 100, worker_0=('busy', 8), worker_1=('training', 9))
    assert watch.verdict() is None
    beats(watch, clock, 129, worker_0=('training', 9), worker_1=('training', 9))
    assert watch.verdict() is None
    beats(watch, clock, 132, worker_0=('training', 9), worker_1=('training', 9))
    assert watch.verdict() == 'b:1, step 9: has not ended the next within 30 s'


def test_one_that_cannot_reach_the_others_is_named(watch, clock):
    beats(watch, clock, 70, worker_0=('connecting', 0), worker_1=('loading', 0))
    assert watch.verdict().startswith('a:0, step 0: has not reached the others within 60 s')


def test_data_may_take_long_to_load(watch, clock):
    beats(watch, clock, 500, worker_0=('loading', 1), worker_1=('loading', 1))
    assert watch.verdict() is None


def test_one_that_is_done_is_expected_no_more(watch, clock):
    beats(watch, clock, 5)
    watch.done('worker 1')
    beats(watch, clock, 500, worker_1=None)
    assert watch.verdict() is None
