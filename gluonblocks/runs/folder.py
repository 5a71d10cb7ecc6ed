"""A run's folder, written: config, checkpoints, final weights, and what shows its epochs."""
import contextlib
import fcntl
import os

import mxnet as mx

from ..files import (
    MXNetPath,
    is_temporary,
    make_folder,
    readable,
    remove_temporaries,
    replace_file,
    write_file,
)
from ..training.hooks import Hook, NonFiniteLoss
from ..training.interrupt import Interrupted
from ..training.loop import best_epoch
from ..training.progress import tell
from . import config as config_file
from .checkpoint import encode_checkpoint, load_checkpoint, restore_checkpoint
from .load import BEST, FINAL, LAST, PREVIOUS, newest_checkpoint, read_best
from .options import OptionError
from .provenance import check_same
from .ranks import gather_states, send_checkpoint, take_own
from .records import EpochFiles
from .tensors import encode_tensors
from .weights import net_arrays

PARAMS = 'final.params'


def check_new(folder):
    """ValueError if `folder` holds anything: a run never writes into another's."""
    if os.path.exists(os.path.join(folder, config_file.NAME)):
        raise ValueError('%s holds a run already: resume it, or name another folder' % folder)
    if os.path.lexists(folder) and (not os.path.isdir(folder) or not all(
            is_temporary(name) for name in os.listdir(folder))):
        raise ValueError('%s is there, and not an empty folder: name another' % folder)


def is_due(step, every):
    """Whether there is a checkpoint after the step number `step`, and not only at an epoch's end.

    One after the first step: a folder that cannot be written to is told at once, and whatever
    becomes of the loss, there are weights from before.
    """
    return step == 1 or every and step % every == 0


class RunFolder(Hook):
    """Keeps a run's folder while it trains; the loop's last hook. A context, which lets go of it.

    Make one by `new` or `open`, `attach` what is trained, then `start`. Its files are each
    replaced as a whole. An epoch's history comes before its checkpoint, so it is never behind.
    """

    def __init__(self, folder, config=None, lock=None):
        self.folder, self.config, self._lock = folder, config, lock
        self._epochs = EpochFiles(folder)

    @classmethod
    def new(cls, folder):
        """A run that will start in `folder`, new or empty. Nothing is written yet."""
        check_new(folder)
        return cls(folder)

    @classmethod
    def open(cls, folder):
        """The run in `folder`, to go on with it; what a process that was killed left is removed."""
        config = config_file.read_config(folder)
        lock = _lock(folder)
        remove_temporaries(folder)
        return cls(folder, config, lock)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def attach(self, net, trainer, finite, recorders, workers):
        """Take what is trained, the `FiniteLoss` that is asked before each checkpoint, hooks
        whose `flush()` is called before it, so that their files are never behind it, and the
        workers, of which this process is the first."""
        self._net, self._trainer, self._finite = net, trainer, finite
        self._recorders, self._workers = recorders, workers

    def start(self, config, state, check_position):
        """Start the run by `config`, a dict for config.json, or go on with the one that is there.

        Of one that goes on, what is attached and `state` are set to the newest good checkpoint, if
        there is one, once `check_position(info, before)` has seen what it says of itself, and the
        number of epochs that the run was to go before.
        """
        if self.config is None:
            make_folder(self.folder)
            self._lock = _lock(self.folder)
            check_new(self.folder)
            remove_temporaries(self.folder)
        else:
            check_same(self.folder, self.config, config)
            # What is only told, as of the packages that decide nothing, stays as it was.
            config = dict(self.config, **{name: config[name] for name in config_file.FREE})
            self._restore(state, check_position)
            config['worker_changes'] = self.config['worker_changes'] + (
                [[state.step, config['workers']]] if config['workers'] != self.config['workers']
                else [])
        config['identity'] = config_file.identity_of(config)
        if config != self.config:
            write_file(self._path(config_file.NAME), config_file.encode_config(config))
        self.config = config

    def batch_end(self, state):
        if is_due(state.step, self.config['checkpoint_every']):
            self.save(state)

    def epoch_end(self, state):
        record = state.history[-1]
        self._epochs.add(record, self._trainer.learning_rate, state.rate)
        self.save(state, best=best_epoch(state.history) == record.epoch)
        self._epochs.draw('%s on %s' % (self.config['model'], readable(self.config['dataset'])))

    def save(self, state, best=False):
        """Write the last checkpoint, and before it, if `best`, the best one."""
        self._finite.check(state)
        owned = gather_states(self._net, state, self._workers)
        content = encode_checkpoint(self._net, self._trainer, state, self._epochs.rows,
                                    self.config['identity'], owned, self._workers)
        for recorder in self._recorders:
            recorder.flush()
        if best:
            write_file(self._path(BEST), content)
        write_file(self._path(LAST), content, keep=PREVIOUS)
        if state.batch:
            self._epochs.write_clock(state.step, state.seconds)

    def finish(self, state):
        """Write the final weights, as safetensors and as Gluon's own file."""
        arrays = net_arrays(self._net)
        write_file(self._path(FINAL), encode_tensors(arrays, {
            'identity': self.config['identity'], 'epoch': len(state.history)}))

        def write(temporary):
            temporary = MXNetPath(temporary)
            try:
                self._net.save_parameters(temporary)
                written = mx.nd.load(temporary)
            except mx.base.MXNetError:  # which says at what line of its source, and not why
                raise OSError('MXNet could not write it, as on a disk that is full')
            # MXNet does not look whether the file could be closed.
            if any(written[name].asnumpy().tobytes() != array.tobytes()
                   for name, array in arrays.items()):
                raise OSError('what was written is not what is read')
        replace_file(self._path(PARAMS), write)

    @contextlib.contextmanager
    def keeping(self, state):
        """A context for the loop: at its end the final weights are written; a signal between two
        batches makes a checkpoint; what is raised tells how to go on, or what is kept."""
        try:
            yield
            self.finish(state)
        except Interrupted as stop:
            if stop.between_batches and state.step:
                self.save(state)
                where = ('in epoch %d, after step %d, and saved' % (state.epoch, state.step)
                         if state.batch else 'after epoch %d, and saved' % (state.epoch - 1))
            else:
                where = 'at once, not saved since the last checkpoint'
            raise Interrupted(stop.signum, stop.between_batches,
                              'stopped %s; %s can be resumed' % (where, self.folder))
        except NonFiniteLoss as error:
            raise NonFiniteLoss('%s; %s' % (error, self._kept()))

    def _restore(self, state, check_position):
        """Set what is attached, and `state`, to the newest good checkpoint, if there is one.

        A last one that is damaged is put aside, and told on stderr.
        """
        if not os.path.exists(self._path(LAST)) and not os.path.exists(self._path(PREVIOUS)):
            tell('%s has no checkpoint yet: it starts from its beginning' % self.folder)
            send_checkpoint(None, self._workers)
            return
        name, (tensors, info) = newest_checkpoint(self.folder, self.config['identity'])
        try:
            check_position(info, self.config['epochs'])
            if info['workers'] not in config_file.workers_at(self.config, info['step']):
                raise ValueError('it is of %d workers, which config.json says of no such step'
                                 % info['workers'])
            seconds = self._epochs.read_clock(info['step']) if info['batch'] else 0.0
            restore_checkpoint(tensors, info, self._net, self._trainer, state, seconds)
            take_own(tensors, info, self._net, state, self._workers, seconds)
        except OptionError:
            raise
        except ValueError as error:
            raise ValueError('%s: %s' % (self._path(name), error))
        send_checkpoint(self._path(name), self._workers)
        if name == PREVIOUS and os.path.exists(self._path(LAST)):
            os.replace(self._path(LAST), self._path('last.damaged'))
        state.history = self._epochs.restore(info['rows'])
        if state.history:
            self._tell_of_best()
        tell('going on after step %d, in epoch %d' % (state.step, state.epoch))

    def _tell_of_best(self):
        try:
            read_best(self.folder, self.config['identity'])
            return
        except FileNotFoundError:
            what = '%s is gone' % self._path(BEST)
        except (OSError, ValueError) as error:
            what = str(error)
        tell(what + ': it is written again only if a later epoch is better')

    def _kept(self):
        """Where the newest weights are that were saved, in words."""
        for name in (LAST, PREVIOUS):
            if os.path.exists(self._path(name)):
                return 'the weights of step %d are in %s' % (
                    load_checkpoint(self._path(name))[1]['step'], self._path(name))
        return 'there was no checkpoint before'

    def _path(self, name):
        return os.path.join(self.folder, name)


def _lock(folder):
    """Hold `folder` for this process; the system lets go of it when the process ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ValueError('%s is in use: another process trains in it' % folder)
    except OSError as error:  # a file system without locks
        tell('%s cannot be locked (%s): see that no other process trains in it'
              % (folder, error.strerror))
    return handle
