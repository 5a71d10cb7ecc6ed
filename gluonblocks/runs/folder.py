"""Write the files in a run folder during training: config, checkpoints, weights and history."""
import contextlib
import fcntl
import os

import mxnet as mx

from ..checks import OptionError
from ..files import (
    MXNetPath,
    is_temporary,
    make_folder,
    read_file,
    readable,
    remove_temporaries,
    replace_file,
    write_file,
)
from ..training.hooks import Hook, NonFiniteLoss
from ..training.interrupt import Interrupted
from ..training.loop import TrainingState, best_epoch
from ..training.progress import tell
from .checkpoint import encode_checkpoint, load_checkpoint, rank_state, restore_checkpoint
from .config import FREE, NAME, encode_config, identity_of
from .load import BEST, FINAL, LAST, PREVIOUS, has_checkpoint, newest_checkpoint
from .records import EpochFiles
from .weights import MAX_BYTES, decode_tensors, encode_tensors, net_arrays

PARAMS = 'final.params'


def check_new(folder):
    """Raise ValueError unless `folder` is empty or does not exist."""
    if os.path.exists(os.path.join(folder, NAME)):
        raise ValueError('%s already contains a run: resume it, or choose another folder' % folder)
    if os.path.lexists(folder) and (not os.path.isdir(folder) or not all(
            is_temporary(name) for name in os.listdir(folder))):
        raise ValueError('expected a new or empty folder, got %s: choose another folder' % folder)


@contextlib.contextmanager
def lock_folder(folder, new=False):
    """Return a context manager that locks `folder` for this process.

    If `new` is True, the folder is created if necessary, and must be empty. If the process dies,
    the operating system releases the lock. Temporary files left by a killed process are removed.
    """
    if new:
        make_folder(folder)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError('%s is in use by another process: wait for it, or stop it' % folder)
        except OSError as error:  # a file system without locks
            tell('could not lock %s (%s): make sure that no other process trains in it'
                 % (folder, error.strerror))
        if new:
            check_new(folder)
        remove_temporaries(folder)
        yield
    finally:
        os.close(handle)


class RunFolder(Hook):
    """The hook that writes a run folder during training. It must be the last hook in the list.

    `config` is a dict for config.json. `before` is the config of the run to resume, or None. Before
    a checkpoint is saved, the `FiniteLoss` hook `finite` checks the losses, and the `NormStats`
    hook `norms` writes the rows that it has recorded. Either hook may be None.

    Each worker has a RunFolder, because every rank contributes to a checkpoint, but only rank 0
    writes files. Files are replaced atomically. The history of an epoch is written before the
    epoch's checkpoint, so it is never older than the checkpoint.
    """

    def __init__(self, folder, config, before, net, trainer, finite, norms, workers):
        self.folder, self.config = folder, config
        self._net, self._trainer, self._finite = net, trainer, finite
        self._norms, self._workers = norms, workers
        self._epochs = EpochFiles(folder, '%s on %s' % (config['model'],
                                                        readable(config['dataset'])))
        self.state = TrainingState() if before is None else self._restore(before)
        if before is not None:
            # Update only the config.json entries that may change. Keep the recorded values of
            # the others, including the versions of packages that cannot affect the results.
            self.config = dict(before, **{name: config[name] for name in FREE})
            self.config['worker_changes'] = before['worker_changes'] + (
                [[self.state.step, config['workers']]]
                if config['workers'] != before['workers'] else [])
        self.config['identity'] = identity_of(self.config)
        if self.config != before and not workers.rank:
            write_file(self._path(NAME), encode_config(self.config))

    def batch_end(self, state):
        every = self.config['checkpoint_every']
        # Also save a checkpoint after the first step, to detect an unwritable folder early, and to
        # have finite weights even if the loss diverges later.
        if state.step == 1 or every and state.step % every == 0:
            self.save(state)

    def epoch_end(self, state):
        record = state.history[-1]
        if not self._workers.rank:
            self._epochs.add(record, self._trainer.learning_rate, state.rate)
        self.save(state, best=best_epoch(state.history) == record.epoch)
        if not self._workers.rank:
            self._epochs.draw()

    def save(self, state, best=False):
        """Save a checkpoint as last.safetensors; if `best`, save it as best.safetensors first."""
        if self._finite:
            self._finite.check(state)
        ranks = [rank_state(self._net, state, self._workers)]
        if self._workers.world_size > 1:
            ranks = self._workers.all_gather(ranks[0])
        if self._workers.rank:
            return
        content = encode_checkpoint(self._net, self._trainer, state, self._epochs.rows,
                                    self.config['identity'], ranks)
        if self._norms:
            self._norms.flush()
        if best:
            write_file(self._path(BEST), content)
        write_file(self._path(LAST), content, backup=PREVIOUS)

    def finish(self, state):
        """Plot the curves, and write the final weights as safetensors and as .params for Gluon."""
        if self._workers.rank:
            return
        self._epochs.draw(final=True)
        write_file(self._path(FINAL), encode_tensors(net_arrays(self._net), {
            'identity': self.config['identity'], 'epoch': len(state.history)}))

        def write(temporary):
            temporary = MXNetPath(temporary)
            try:
                self._net.save_parameters(temporary)
                mx.nd.load(temporary)  # MXNet does not check that the write was complete
            except mx.base.MXNetError:  # the message does not give the reason
                raise OSError('MXNet reported an error, perhaps because the disk is full')
        replace_file(self._path(PARAMS), write)

    def interrupted(self, stop, state):
        """Save a checkpoint after `stop`, an Interrupted exception; return the exception to raise.

        In the middle of a step, nothing is saved. On rank 0, the message says what was saved.
        """
        where = 'immediately; progress since the last checkpoint is lost'
        if stop.between_batches and state.step:
            with contextlib.suppress(Interrupted):  # a second signal interrupts the save
                self.save(state)
                where = ('in epoch %d after step %d, checkpoint saved' % (state.epoch, state.step)
                         if state.batch else 'after epoch %d, checkpoint saved' % (state.epoch - 1))
        return stop if self._workers.rank else Interrupted(
            stop.signum, stop.between_batches,
            'stopped %s; resume the run in %s' % (where, self.folder))

    def diverged(self, error):
        """Return a NonFiniteLoss whose message also says where the newest finite weights are."""
        path = self._path(LAST)
        if not os.path.exists(path):
            return NonFiniteLoss('%s; no checkpoint was saved' % error)
        return NonFiniteLoss('%s; the weights after step %d are in %s' % (
            error, load_checkpoint(path)[1]['step'], path))

    def _restore(self, before):
        """Restore the newest valid checkpoint; return the `TrainingState` to continue from.

        If the last checkpoint is damaged, it is reported on stderr and renamed to last.damaged.
        """
        path, tensors, info = self._receive() if self._workers.rank else self._read(before)
        if not info:
            return TrainingState()
        try:
            state = restore_checkpoint(tensors, info, self._net, self._trainer, self._workers)
        except ValueError as error:
            raise ValueError('%s: %s' % (path, error))
        if not self._workers.rank:
            if path == self._path(PREVIOUS) and os.path.exists(self._path(LAST)):
                os.replace(self._path(LAST), self._path('last.damaged'))
            state.history = self._epochs.restore(info['rows'])
            tell('the run is complete: it has been trained for %d epochs' % len(state.history)
                 if len(state.history) >= self.config['epochs'] else
                 'resuming after step %d, in epoch %d' % (state.step, state.epoch))
        return state

    def _read(self, before):
        """Send the newest valid checkpoint to the other ranks; return its (path, tensors, info)."""
        path, tensors, info = None, {}, {}
        if has_checkpoint(self.folder):
            path, (tensors, info) = newest_checkpoint(self.folder, before['identity'])
            done = info['epoch'] - 1 + (info['batch'] > 0)
            if self.config['epochs'] < done:
                raise OptionError('epochs', 'must be at least %d (the epoch that the run has '
                                  'reached), got %d', done, self.config['epochs'])
        else:
            tell('%s contains no checkpoint yet: training starts from the beginning' % self.folder)
        if self._workers.world_size > 1:
            self._workers.broadcast(bytes(read_file(path, MAX_BYTES)) if path else b'')
        return path, tensors, info

    def _receive(self):
        """Receive a checkpoint from rank 0; return (name for error messages, tensors, info)."""
        content, where = self._workers.broadcast(), 'the checkpoint from rank 0'
        return (where, *(decode_tensors(content, where) if content else ({}, {})))

    def _path(self, name):
        return os.path.join(self.folder, name)
