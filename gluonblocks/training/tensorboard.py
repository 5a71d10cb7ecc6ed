"""Write TensorBoard events for a run. Requires tensorboardX, which is imported only when needed."""
import contextlib
import os
import socket
import time

from .hooks import Hook


class TensorBoardEvents(Hook):
    """Write each epoch's loss, accuracies, learning rate and images per second to `folder`.

    The constructor raises ImportError if tensorboardX is missing. The folder and a new event file
    are created when training begins. If writing fails, the OSError names the file.
    """

    def __init__(self, folder, trainer):
        try:
            import tensorboardX  # noqa: F401
        except ImportError as error:
            raise ImportError('TensorBoard events need tensorboardX: pip install tensorboardX (%s)'
                              % error)
        self._folder, self._trainer, self._file = folder, trainer, None

    def begin(self, state):
        # Do not use tensorboardX's SummaryWriter: its background thread would swallow write errors.
        from tensorboardX.proto.event_pb2 import SessionLog
        from tensorboardX.record_writer import RecordWriter
        os.makedirs(self._folder, exist_ok=True)
        # TensorBoard reads only files named *tfevents*; the other parts make the name unique.
        self._path = os.path.join(self._folder, 'events.out.tfevents.%d.%s.%d-%d' % (
            time.time(), socket.gethostname(), os.getpid(), state.step))
        with self._naming_the_file():
            self._file = RecordWriter(self._path)
        self._write([{'file_version': 'brain.Event:2'}])
        if state.step:  # makes TensorBoard drop earlier events of repeated epochs
            self._write([{'step': state.epoch, 'session_log': SessionLog(status=SessionLog.START)}])

    def epoch_end(self, state):
        from tensorboardX.summary import scalar
        record = state.history[-1]
        self._write([{'step': record.epoch, 'summary': scalar(name, value)} for name, value in [
            ('loss/train', record.loss), ('accuracy/train', record.train_acc),
            ('accuracy/test', record.test_acc), ('rate', state.rate),
            ('learning_rate', self._trainer.learning_rate)]])

    def close(self):
        """Close the event file if it is open."""
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
            self._file = None  # closing would repeat the failed write
            raise
