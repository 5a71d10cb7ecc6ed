"""The events that TensorBoard reads, and the errors of writing them."""
import os
import resource
import sys

import pytest

import gluonblocks as gb
from gluonblocks.training.tensorboard import TensorBoardEvents


class Trainer:
    learning_rate = 0.25


@pytest.fixture
def hook(tmp_path):
    return TensorBoardEvents(str(tmp_path / 'events'), Trainer)


def after_epochs(num_epochs, step=0):
    state = gb.training.TrainingState()
    state.history = [gb.training.EpochRecord(i, 1.5, 0.5, 0.75, 2.0)
                     for i in range(1, num_epochs + 1)]
    state.step, state.rate = step, 100.0
    return state


def read_events(folder):
    """The events in the one file of a folder: records of length, 4 bytes, message, 4 bytes."""
    from tensorboardX.proto.event_pb2 import Event
    name, = os.listdir(folder)
    content, position, events = (folder / name).read_bytes(), 0, []
    while position < len(content):
        size = int.from_bytes(content[position:position + 8], 'little')
        events.append(Event.FromString(content[position + 12:position + 12 + size]))
        position += 16 + size
    return events


def test_an_epoch_gives_five_numbers_which_are_on_the_disk_at_once(hook, tmp_path):
    hook.begin(after_epochs(0))
    hook.epoch_end(after_epochs(1))
    first, *events = read_events(tmp_path / 'events')
    hook.close()
    assert first.file_version == 'brain.Event:2' and {event.step for event in events} == {1}
    assert {event.summary.value[0].tag: event.summary.value[0].simple_value
            for event in events} == {'loss/train': 1.5, 'accuracy/train': 0.5,
                                     'accuracy/test': 0.75, 'rate': 100.0, 'learning_rate': 0.25}


def test_a_run_that_goes_on_has_tensorboard_forget_the_epochs_done_again(hook, tmp_path):
    from tensorboardX.proto.event_pb2 import SessionLog
    hook.begin(after_epochs(2, step=9))
    hook.close()
    start = read_events(tmp_path / 'events')[1]
    assert start.session_log.status == SessionLog.START and start.step == 3


def test_without_tensorboardx_events_cannot_be_made_ready(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'tensorboardX', None)
    with pytest.raises(ImportError, match='pip install tensorboardX'):
        TensorBoardEvents(str(tmp_path / 'events'), Trainer)
    assert not (tmp_path / 'events').exists()


def test_a_full_disk_is_told_once_with_the_files_name(hook):
    hook.begin(after_epochs(0))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, limits[1]))
    try:
        with pytest.raises(OSError, match=r"^\[Errno 27\] .*/events/events\.out\.tfevents\."):
            hook.epoch_end(after_epochs(1))
        hook.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
