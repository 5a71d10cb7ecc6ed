"""The run folder: what was asked, history, curves, checkpoints, weights; and a net back from it."""
import fcntl
import hashlib
import importlib
import json
import math
import os
import platform
import shlex
import sys

import mxnet as mx
import numpy as np
import safetensors

from .checkpoint import (
    checkpoint_arrays,
    encode_checkpoint,
    load_checkpoint,
    net_arrays,
    restore_checkpoint,
    set_net_arrays,
)
from .curves import draw_curves
from .history import EpochRecord, HistoryRow, TimesRow, read_csv, to_csv, to_jsonl
from .hooks import Hook, best_epoch
from .models import get_model
from .options import devices_of
from .tensorfile import (
    DamagedFile,
    encode_tensors,
    read_tensors,
    remove_temporaries,
    replace_file,
    write_file,
)

LAST, PREVIOUS, BEST, FINAL = [name + '.safetensors' for name in (
    'last', 'previous', 'best', 'final')]
PARAMS = 'final.params'
# What another process may have otherwise and the numbers are still the same.
_FREE = ('epochs', 'data_root', 'stop_non_finite', 'checkpoint_every', 'tensorboard', 'asked')


def load_run(folder, ctx=None, weights='best'):
    """(net, config) of the run in `folder`: the net hybridized, with its weights, and a dict.

    `weights` is 'best', those of the highest test accuracy, 'last', of the last checkpoint, or
    'final', of a run that has ended; `ctx` is a device, a list, or a name for `get_ctx` (None:
    `try_gpu()`). The dict is config.json: model, dataset, data_root, batch_size, resize,
    num_classes and more.

    Raises ValueError for a folder that is no run or has no such weights yet, DamagedFile for
    weights that are not what was saved; of 'last' the checkpoint before is used, with a warning on
    stderr.
    """
    config = read_config(folder)
    if weights == 'last':
        _, (tensors, _) = _newest(folder, config['identity'])
        arrays = checkpoint_arrays(tensors)
    elif weights in ('best', 'final'):
        path = os.path.join(folder, weights + '.safetensors')
        if not os.path.exists(path):
            raise ValueError('%s has no %s weights yet: %s' % (
                folder, weights, "the best are there after an epoch, the final at the run's end; "
                "weights='last' are those of its last checkpoint"))
        if weights == 'best':
            arrays = checkpoint_arrays(load_checkpoint(path, config['identity'])[0])
        else:
            arrays = read_tensors(path)[0]
    else:
        raise ValueError("weights is %r, but must be 'best', 'last' or 'final'" % (weights,))
    net = get_model(config['model'], num_classes=config['num_classes'])
    if config['dtype'] != 'float32':
        net.cast(config['dtype'])
    net.initialize(ctx=devices_of(ctx))
    set_net_arrays(net, arrays)
    net.hybridize(static_alloc=True)
    return net, config


def read_config(folder):
    """The dict in a run's config.json. Raises ValueError where `folder` is no run."""
    path = os.path.join(folder, 'config.json')
    try:
        with open(path) as f:
            config = json.load(f)
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError('%s is not a run: it has no config.json. scripts/train.py --out %s starts '
                         'one' % (folder, folder))
    except ValueError as error:
        raise ValueError('%s is not what was written: %s' % (path, error))
    if not isinstance(config, dict) or 'identity' not in config:
        raise ValueError('%s is not the config.json of a run' % path)
    return config


def check_new(folder):
    """ValueError if `folder` holds anything: a run never writes into another's."""
    if os.path.exists(os.path.join(folder, 'config.json')):
        raise ValueError('%s holds a run already: go on with it by --resume %s, or name another '
                         'folder' % (folder, folder))
    if os.path.exists(folder) and (not os.path.isdir(folder) or any(
            not name.startswith('.tmp-') for name in os.listdir(folder))):
        raise ValueError('%s is there, and not an empty folder: name another' % folder)


def environment():
    """What of this machine and process decides the last bits of the numbers, as a dict."""
    from . import __version__
    try:
        with open('/proc/cpuinfo') as f:
            cpu = next(line.split(':', 1)[1].strip() for line in f if line.startswith('model name'))
    except (OSError, StopIteration):
        cpu = platform.processor() or platform.machine()
    versions = {'gluonblocks': __version__, 'mxnet': mx.__version__, 'numpy': np.__version__,
                'python': platform.python_version(), 'safetensors': safetensors.__version__}
    gluoncv = sys.modules.get('gluoncv')
    if gluoncv:
        versions['gluoncv'] = gluoncv.__version__
    return {'versions': versions, 'cpu': cpu,
            'threads': os.environ.get('MXNET_OMP_MAX_THREADS') or os.environ.get('OMP_NUM_THREADS')}


def data_checksum(*loaders):
    """The SHA-256 over the images and labels of `BatchLoader`s."""
    digest = hashlib.sha256()
    for loader in loaders:
        for array in (loader.images, loader.labels):
            digest.update(repr((array.dtype.str, array.shape)).encode())
            digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def check_same(folder, config, now):
    """ValueError, with each difference, if a run by `now` would not go on exactly as by `config`.

    `now` is a dict of some or all of the config's entries.
    """
    said = []
    for name, value in sorted(now.items()):
        before = config.get(name)
        if name == 'versions':
            said += ['%s %s there, %s here' % (package, before.get(package), version)
                     for package, version in value.items()
                     if package in ('gluonblocks', 'mxnet', 'numpy', 'gluoncv')
                     and before.get(package, version) != version]
        elif name not in _FREE and value != before:
            said.append('%s %s there, %s here' % (name, before, value))
            if name == 'threads':
                said[-1] += ' (OMP_NUM_THREADS=%s, set before Python starts)' % before
    if said:
        raise ValueError('%s cannot go on exactly as it began:\n  %s\nStart another run, with '
                         '--out, in another folder' % (folder, '\n  '.join(said)))


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
        identity = {name: value for name, value in config.items() if name not in _FREE}
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
            _tell('%s has no checkpoint yet: it starts from its beginning' % self.folder)
            return False
        name, (tensors, info) = _newest(self.folder, self.config['identity'])
        if name == PREVIOUS and os.path.exists(self._path(LAST)):
            os.replace(self._path(LAST), self._path('last.damaged'))
        restore_checkpoint(tensors, info, self._net, self._trainer, state)
        self._rows = [HistoryRow(*row) for row in info['rows']]
        self._times = self._read_times()
        seconds = {row.epoch: row.seconds for row in self._times}
        state.history = [EpochRecord(*row[:4], seconds=seconds.get(row.epoch, math.nan))
                         for row in self._rows]
        self._write_history()
        return True

    def batch_end(self, state):
        every = self.config['checkpoint_every']
        if every and state.step % every == 0:
            self.save(state)

    def epoch_end(self, state):
        record = state.history[-1]
        self._rows.append(HistoryRow(*record[:4], learning_rate=self._trainer.learning_rate))
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

    def kept(self):
        """Where the newest weights are that were saved, in words."""
        for name in (LAST, PREVIOUS):
            if os.path.exists(self._path(name)):
                return 'the weights of step %d are in %s' % (
                    load_checkpoint(self._path(name))[1]['step'], self._path(name))
        return 'no checkpoint was written before (--checkpoint-every writes some within an epoch)'

    def stopped(self, state, between_batches):
        """Save, if nothing is half done, after a signal; what to tell the user."""
        if between_batches and state.step:
            self.save(state)
            where = 'in epoch %d, after step %d, and saved' % (state.epoch, state.step)
        else:
            where = 'at once, not saved since the last checkpoint'
        return 'stopped %s. To go on:\n  python scripts/train.py --resume %s' % (
            where, shlex.quote(self.folder))

    def close(self):
        """Let another process go on with the run."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

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
            _tell('the seconds of the epochs before are lost: %s' % error)
            times = []
        return [row for row in times if row.epoch <= len(self._rows)]

    def _draw(self):
        if not self._curves:
            return
        try:
            importlib.import_module('matplotlib')
        except ImportError:
            _tell('curves.png is not drawn, for want of matplotlib: pip install matplotlib')
            self._curves = False
            return
        write_file(self._path('curves.png'), draw_curves(self._rows))


def _newest(folder, identity):
    """The newest good checkpoint: its name and `load_checkpoint` of it; a bad one is told."""
    errors = []
    for name in (LAST, PREVIOUS):
        try:
            tensors, info = load_checkpoint(os.path.join(folder, name), identity)
        except (DamagedFile, FileNotFoundError) as error:
            errors.append(error)
            continue
        # A last one that is not there is no damage: a process was killed as it put the new one in.
        if errors and isinstance(errors[0], DamagedFile):
            _tell('%s\nThe checkpoint before it is used, of step %d' % (errors[0], info['step']))
        return name, (tensors, info)
    raise ValueError('%s has no checkpoint that can be used:\n  %s'
                     % (folder, '\n  '.join(str(error) for error in errors)))


def _lock(folder):
    """Hold `folder` for this process; the system lets go of it when the process ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ValueError('%s is in use: another process trains in it' % folder)
    except OSError as error:  # a file system without locks
        _tell('%s cannot be locked (%s): see that no other process trains in it'
              % (folder, error.strerror))
    return handle


def _tell(text):
    print(text, file=sys.stderr, flush=True)
