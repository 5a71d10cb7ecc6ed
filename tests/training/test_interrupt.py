"""Ctrl-C waits for the next batch; a second one does not."""
import os
import signal
import threading

import pytest

from gluonblocks.training.interrupt import DeferredInterrupt, Interrupted


def ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_ends_the_iteration_at_the_next_batch():
    seen = []
    with pytest.raises(KeyboardInterrupt), DeferredInterrupt() as interrupt:
        for batch in interrupt.guard([1, 2, 3]):
            ctrl_c()
            seen.append(batch)  # what was begun is finished
    assert seen == [1]


def test_a_second_ctrl_c_is_raised_at_once():
    with pytest.raises(KeyboardInterrupt), DeferredInterrupt():
        ctrl_c()
        ctrl_c()
        raise AssertionError('not reached')


@pytest.mark.parametrize('signum, code', [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_signal_and_its_exit_code_are_told(signum, code):
    with pytest.raises(Interrupted) as stop, DeferredInterrupt() as interrupt:
        for _ in interrupt.guard([1, 2]):
            os.kill(os.getpid(), signum)
    assert stop.value.exit_code == code and stop.value.between_batches


def test_a_second_signal_may_have_cut_a_step():
    with pytest.raises(Interrupted) as stop, DeferredInterrupt():
        ctrl_c()
        os.kill(os.getpid(), signal.SIGTERM)
    assert stop.value.exit_code == 143 and not stop.value.between_batches


def test_without_ctrl_c_every_batch_passes_each_time():
    with DeferredInterrupt() as interrupt:
        guarded = interrupt.guard([1, 2])
        assert len(guarded) == 2 and list(guarded) == list(guarded) == [1, 2]


def test_the_handler_before_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with DeferredInterrupt():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_another_thread_can_train_too():
    seen = []

    def work():
        with DeferredInterrupt() as interrupt:
            seen.extend(interrupt.guard([1, 2]))
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [1, 2]
