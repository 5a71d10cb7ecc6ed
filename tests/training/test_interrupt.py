"""Ctrl-C waits for the next batch; a second one does not."""
import os
import signal
import threading

import mxnet as mx
import pytest
from mxnet import gluon, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.training.interrupt import DeferredInterrupt, Interrupted


def ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


def test_a_second_ctrl_c_is_raised_at_once():
    with pytest.raises(KeyboardInterrupt), DeferredInterrupt():
        ctrl_c()
        ctrl_c()
        raise AssertionError('not reached')


@pytest.mark.parametrize('signum, code', [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_iteration_at_the_next_batch_and_has_its_exit_code(signum, code):
    seen = []
    with pytest.raises(KeyboardInterrupt) as stop, DeferredInterrupt() as interrupt:
        for batch in interrupt.guard([1, 2]):
            os.kill(os.getpid(), signum)
            seen.append(batch)  # what was begun is finished
    assert seen == [1] and isinstance(stop.value, Interrupted)
    assert stop.value.exit_code == code and stop.value.between_batches


def test_another_thread_can_train_too():
    seen = []

    def work():
        with DeferredInterrupt() as interrupt:
            seen.extend(interrupt.guard([1, 2]))
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [1, 2]


def test_a_signal_after_the_last_batch_is_raised_when_the_context_ends():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match='stopped after training had finished') as stop:
        with DeferredInterrupt() as interrupt:
            interrupt.check()  # no signal yet
            ctrl_c()
    assert stop.value.between_batches and signal.getsignal(signal.SIGINT) == before


def test_an_error_is_not_replaced_by_the_signal_before_it():
    with pytest.raises(ZeroDivisionError), DeferredInterrupt():
        ctrl_c()
        raise ZeroDivisionError


class SignalAfterLast:
    """Test batches; after the last of its pass number `at`, Ctrl-C."""

    def __init__(self, batches, at):
        self.batches, self.at, self.passes = batches, at, 0

    def __iter__(self):
        yield from self.batches
        self.passes += 1
        if self.passes == self.at:
            ctrl_c()


@pytest.mark.parametrize('at', [2, 3])
def test_a_signal_after_the_test_of_an_epoch_ends_the_run_between_two_steps(at):
    batches = [(nd.ones((2, 3)), nd.array([0, 1], dtype='int32'))] * 4
    net = nn.Dense(2)
    net.initialize()
    trainer = gluon.Trainer(net.collect_params(), 'sgd')
    state = gb.training.TrainingState()
    with pytest.raises(Interrupted, match='between two'), DeferredInterrupt() as interrupt:
        gb.train_ch5(net, interrupt.guard(batches), interrupt.guard(SignalAfterLast(batches, at)),
                     2, trainer, mx.cpu(), 3, state=state)
        interrupt.check()
        raise AssertionError('not reached')
    # The epoch was tested and is in the history, and no step of the next one was made.
    assert len(state.history) == at and (state.step, state.batch) == (4 * at, 0)
