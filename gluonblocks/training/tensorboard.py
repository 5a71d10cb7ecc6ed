"""TensorBoard events of a run. Needs tensorboardX, which is imported where it is used."""
import contextlib
import os
import socket
import time

from .hooks import Hook


class TensorBoardEvents(Hook):
    """Writes each epoch's loss, accuracies, learning rate and images per second into `folder`.

    Raises ImportError at once if tensorboardX is missing; the folder and a new file in it are made
    when training begins. Writing raises OSError with the file's name.
    """

    def __init__(self, folder, trainer):
        try:
            import tensorboardX  # noqa: F401
        except ImportError as error:
            raise ImportError('TensorBoard events need tensorboardX: pip install tensorboardX (%s)'
                              % error)
        self._folder, self._trainer, self._file = folder, trainer, None

    def begin(self, state):
        # Not tensorboardX's SummaryWriter: it writes in a thread, where an error is lost.
        from tensorboardX.proto.event_pb2 import SessionLog
        from tensorboardX.record_writer import RecordWriter
        os.makedirs(self._folder, exist_ok=True)
        # TensorBoard looks for the middle of the name; the rest keeps two processes apart.
        self._path = os.path.join(self._folder, 'events.out.tfevents.%d.%s.%d-%d' % (
            time.time(), socket.gethostname(), os.getpid(), state.step))
        with self._naming_the_file():
            self._file = RecordWriter(self._path)
        self._write([{'file_version': 'brain.Event:2'}])
        if state.step:  # What was written of epochs that are done again counts no more.
            self._write([{'step': state.epoch, 'session_log': SessionLog(status=SessionLog.START)}])

    def epoch_end(self, state):
        from tensorboardX.summary import scalar
        record = state.history[-1]
        self._write([{'step': record.epoch, 'summary': scalar(name, number)} for name, number in [
            ('loss/train', record.loss), ('accuracy/train', record.train_acc),
            ('accuracy/test', record.test_acc), ('rate', state.rate),
            ('learning_rate', self._trainer.learning_rate)]])

    def close(self):
        """Close the file, if there is one."""
        if self._file:
            file, self._file = self._file, None
            with self._naming_the_file():
                file.close()

    def _write(self, events):
        from tensorboardX.proto.event_pb2 import Event
        with self._naming_the_file():
            for fields in events:
                self._file.write(Event(wall_time=time.time(), **fields).SerializeToString())
            self._file.flush()

    @contextlib.contextmanager
    def _naming_the_file(self):
        try:
            yield
        except OSError as error:
            error.filename = self._path
            self._file = None  # closing would try to write once more, and fail once more
            raise
