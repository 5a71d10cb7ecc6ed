"""The process for which the others wait in vain, found by heartbeats at given times."""
import pytest

from gluonblocks.distributed.heartbeat import Limits, Watch


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def verdict():
    """Beat each second until a time, and return the verdict then. By default all train, a step a
    second; `worker_0`, `worker_1` may have another phase, or (phase, count) at which they stand."""
    clock = Clock()
    watch = Watch(['a:0', 'b:1'], Limits(start=60, stall=30), clock)

    def beat(until, **marks):
        while clock.now < until:
            clock.now += 1
            for rank in range(2):
                mark = marks.get('worker_%d' % rank, 'training')
                phase, count = (mark, int(clock.now)) if isinstance(mark, str) else mark
                if phase != 'silent':
                    watch.beat(rank, phase, count, count)
        return watch.verdict()
    beat.watch = watch
    return beat


@pytest.mark.parametrize('phase', ['training', 'loading'])  # loading data may take long
def test_processes_that_make_progress_are_left_alone(verdict, phase):
    assert verdict(500, worker_0=phase, worker_1=phase) is None


def test_one_that_never_starts_is_named(verdict):
    assert verdict(59, worker_1='silent') is None
    assert verdict(61, worker_1='silent') == 'b:1: did not start within 60 s'


def test_one_that_cannot_reach_the_others_is_named(verdict):
    assert verdict(70, worker_0=('connecting', 0), worker_1=('loading', 0)).startswith(
        'a:0, step 0: could not connect to the other workers within 60 s')


def test_of_two_that_stand_still_the_one_that_is_behind_is_named(verdict):
    verdict(9, worker_1=('training', 6))
    assert verdict(45, worker_0=('training', 9), worker_1=('training', 6)) == (
        'b:1, step 6: did not finish the next step within 30 s')


def test_one_that_waits_for_a_slower_one_is_not_lost_until_that_one_stops_too(verdict):
    verdict(9)
    for now in range(10, 100):  # a evaluates its 40 batches at once, b a batch in 3 s
        verdict.watch.beat(0, 'training', 9, 9 + 40)
        verdict.watch.beat(1, 'training', 9, 9 + now // 3)
        assert verdict(now, worker_0='silent', worker_1='silent') is None
    assert verdict(150, worker_0='silent', worker_1='silent') == (
        'b:1, step 9: did not finish the next step within 30 s')


def test_those_that_wait_for_one_that_saves_are_not_lost(verdict):
    verdict(9)
    assert verdict(200, worker_0=('busy', 10), worker_1=('training', 9)) is None
    assert verdict(320, worker_0=('busy', 10), worker_1=('training', 9)) == (
        'a:0, step 10: did not finish the work after the step within 300 s')


def test_those_that_waited_for_one_that_saved_have_their_time_for_the_step_after_it(verdict):
    verdict(100, worker_0=('busy', 8), worker_1=('training', 9))
    assert verdict(129, worker_0=('training', 9), worker_1=('training', 9)) is None
    assert verdict(132, worker_0=('training', 9), worker_1=('training', 9)) == (
        'b:1, step 9: did not finish the next step within 30 s')


def test_one_that_waited_for_one_that_is_done_now_has_its_time_for_the_next_step(verdict):
    verdict(99, worker_0=('training', 10))
    verdict.watch.done(1)
    assert verdict(128, worker_0=('training', 10), worker_1='silent') is None
    assert verdict(130, worker_0=('training', 10), worker_1='silent') == (
        'a:0, step 10: did not finish the next step within 30 s')


def test_nothing_more_is_expected_of_one_that_is_done(verdict):
    verdict(5)
    verdict.watch.done(1)
    assert verdict(500, worker_1='silent') is None
