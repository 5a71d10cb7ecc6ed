"""A run's folder, written: what was asked, history, curves, checkpoints, final weights."""
import contextlib
import fcntl
import hashlib
import importlib
import json
import math
import os
import shlex

import mxnet as mx

from ..drawing.curves import draw_curves
from ..files import remove_temporaries, replace_file, write_file
from ..training.history import (
    EpochRecord,
    HistoryRow,
    TimesRow,
    best_epoch,
    read_csv,
    to_csv,
    to_jsonl,
)
from ..training.hooks import Hook, NonFiniteLoss
from ..training.interrupt import Interrupted
from ..training.progress import tell
from .checkpoint import encode_checkpoint, load_checkpoint, net_arrays, restore_checkpoint
from .load import BEST, FINAL, LAST, PREVIOUS, newest_checkpoint, read_config
from .provenance import FREE
from .tensors import encode_tensors

PARAMS = 'final.params'


def check_new(folder):
    """ValueError if `folder` holds anything: a run never writes into another's."""
    if os.path.exists(os.path.join(folder, 'config.json')):
        raise ValueError('%s holds a run already: go on with it by --resume %s, or name another '
                         'folder' % (folder, folder))
    if os.path.exists(folder) and (not os.path.isdir(folder) or any(
            not name.startswith('.tmp-') for name in os.listdir(folder))):
        raise ValueError('%s is there, and not an empty folder: name another' % folder)


class RunFolder(Hook):
    """Keeps a run's folder while it trains; the loop's last hook.

    Make one by `create` or `open`, then `attach` what is trained. Its files are each replaced as a
    whole. An epoch's checkpoint comes last, so the other files are never behind it.
    """

    def __init__(self, folder, config, lock):
        self.folder, self.config, self._lock = folder, config, lock
        self._rows, self._times, self._curves = [], [], True

    @classmethod
    def create(cls, folder, config):
        """Start a run in `folder`, new or empty; `config` is a dict for config.json."""
        check_new(folder)
        os.makedirs(folder, exist_ok=True)
        lock = _lock(folder)
        check_new(folder)
        remove_temporaries(folder)
        identity = {name: value for name, value in config.items() if name not in FREE}
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        run = cls(folder, dict(config, identity=digest), lock)
        run.write_config()
        return run

    @classmethod
    def open(cls, folder):
        """The run in `folder`, to go on with it; what a process that was killed left is removed."""
        config = read_config(folder)
        lock = _lock(folder)
        remove_temporaries(folder)
        return cls(folder, config, lock)

    def write_config(self):
        """Write config.json."""
        self._write('config.json', json.dumps(self.config, indent=2, sort_keys=True) + '\n')

    def attach(self, net, trainer, finite):
        """Take what is trained, and the `FiniteLoss` that stands before each checkpoint."""
        self._net, self._trainer, self._finite = net, trainer, finite

    def restore(self, state):
        """Set what is attached, and `state`, to the newest good checkpoint; whether there is one.

        A last one that is damaged is put aside, and told on stderr.
        """
        if not os.path.exists(self._path(LAST)) and not os.path.exists(self._path(PREVIOUS)):
            tell('%s has no checkpoint yet: it starts from its beginning' % self.folder)
            return False
        name, (tensors, info) = newest_checkpoint(self.folder, self.config['identity'])
        if name == PREVIOUS and os.path.exists(self._path(LAST)):
            os.replace(self._path(LAST), self._path('last.damaged'))
        restore_checkpoint(tensors, info, self._net, self._trainer, state)
        self._rows = [HistoryRow(*row) for row in info['rows']]
        self._times = self._read_times()
        seconds = {row.epoch: row.seconds for row in self._times}
        state.history = [EpochRecord(*row[:4] + (seconds.get(row.epoch, math.nan),))
                         for row in self._rows]
        self._write_history()
        tell('going on after step %d, in epoch %d' % (state.step, state.epoch))
        return True

    def batch_end(self, state):
        every = self.config['checkpoint_every']
        # One after the first step: a folder that cannot be written to is told at once, and whatever
        # becomes of the loss, there are weights from before.
        if state.step == 1 or every and state.step % every == 0:
            self.save(state)

    def epoch_end(self, state):
        record = state.history[-1]
        self._rows.append(HistoryRow(*record[:4] + (self._trainer.learning_rate,)))
        self._times.append(TimesRow(record.epoch, record.seconds, state.rate))
        self._write_history()
        self._draw()
        self.save(state, best=best_epoch(state.history) == record.epoch)

    def save(self, state, best=False):
        """Write the last checkpoint, and before it, if `best`, the best one."""
        self._finite.check(state)
        content = encode_checkpoint(self._net, self._trainer, state, self._rows,
                                    self.config['identity'])
        if best:
            write_file(self._path(BEST), content)
        write_file(self._path(LAST), content, keep=PREVIOUS)

    def finish(self, state):
        """Write the final weights, as safetensors and as Gluon's own file."""
        arrays = net_arrays(self._net)
        info = {'model': self.config['model'], 'epoch': len(state.history)}
        write_file(self._path(FINAL), encode_tensors(arrays, info))

        def write(temporary):
            self._net.save_parameters(temporary)
            # MXNet does not look whether the file could be closed.
            written = mx.nd.load(temporary)
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
                where = 'in epoch %d, after step %d, and saved' % (state.epoch, state.step)
            else:
                where = 'at once, not saved since the last checkpoint'
            raise Interrupted(stop.signum, stop.between_batches,
                              'stopped %s. To go on:\n  python scripts/train.py --resume %s'
                              % (where, shlex.quote(self.folder)))
        except NonFiniteLoss as error:
            raise NonFiniteLoss('%s; %s' % (error, self._kept()))

    def close(self):
        """Let another process go on with the run."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _kept(self):
        """Where the newest weights are that were saved, in words."""
        for name in (LAST, PREVIOUS):
            if os.path.exists(self._path(name)):
                return 'the weights of step %d are in %s' % (
                    load_checkpoint(self._path(name))[1]['step'], self._path(name))
        return 'there was no checkpoint before'

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _write(self, name, text):
        write_file(self._path(name), text.encode())

    def _write_history(self):
        self._write('times.csv', to_csv(TimesRow, self._times))
        self._write('history.csv', to_csv(HistoryRow, self._rows))
        self._write('history.jsonl', to_jsonl(self._rows))

    def _read_times(self):
        try:
            times = read_csv(TimesRow, self._path('times.csv'))
        except (OSError, ValueError) as error:
            tell('the seconds of the epochs before are lost: %s' % error)
            times = []
        return [row for row in times if row.epoch <= len(self._rows)]

    def _draw(self):
        if not self._curves:
            return
        try:
            importlib.import_module('matplotlib')
        except ImportError:
            tell('curves.png is not drawn, for want of matplotlib: pip install matplotlib')
            self._curves = False
            return
        write_file(self._path('curves.png'), draw_curves(self._rows))


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
