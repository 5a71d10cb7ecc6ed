"""TensorBoard events of a run. Needs tensorboardX, which is imported where it is used."""
import os
import time

from .hooks import Hook


class TensorBoardEvents(Hook):
    """Writes each epoch's loss, accuracies, learning rate and images per second into `folder`.

    Raises ImportError without tensorboardX. The folder and a new file in it are made when training
    begins. Writing raises OSError with the file's name.
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
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import SessionLog
        os.makedirs(self._folder, exist_ok=True)
        # The end of the name keeps two processes apart.
        self._file = EventsWriter(os.path.join(self._folder, 'events'),
                                  '.%d-%d' % (os.getpid(), state.step))
        if state.step:  # TensorBoard drops the earlier events of epochs that are trained again.
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
            self._file.close()

    def _write(self, events):
        from tensorboardX.proto.event_pb2 import Event
        file, self._file = self._file, None  # after an error, closing would fail once more
        try:
            for fields in events:
                file.write_event(Event(wall_time=time.time(), **fields))
            file.flush()
        except OSError as error:
            error.filename = file._file_name
            raise
        self._file = file
