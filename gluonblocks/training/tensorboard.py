"""TensorBoard events of a run. Needs tensorboardX, which is imported where it is used."""
import os

from .hooks import Hook


class TensorBoardEvents(Hook):
    """Writes an epoch's loss, accuracies, learning rate and images per second into `folder`."""

    def __init__(self, folder, trainer):
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise ImportError('TensorBoard events need tensorboardX: pip install tensorboardX (%s)'
                              % error)
        self._make, self._folder, self._trainer = SummaryWriter, folder, trainer
        self._writer = None

    def begin(self, state):
        # What an earlier process wrote of epochs that are done again counts no more.
        again = {'purge_step': state.epoch} if state.step else {}
        # tensorboardX names a file by the second, and two processes may share one.
        self._writer = self._make(self._folder, **again,
                                  filename_suffix='.%d-%d' % (os.getpid(), state.step))

    def epoch_end(self, state):
        record = state.history[-1]
        numbers = [('loss/train', record.loss), ('accuracy/train', record.train_acc),
                   ('accuracy/test', record.test_acc), ('rate', state.rate),
                   ('learning_rate', self._trainer.learning_rate)]
        for name, number in numbers:
            self._writer.add_scalar(name, number, record.epoch)
        self._writer.flush()

    def close(self):
        """Write what is left."""
        if self._writer:
            self._writer.close()
