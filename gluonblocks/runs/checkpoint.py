"""A run's whole state in one file, and back: weights, statistics, optimizer, loop, generators."""
import math
import random
from typing import Any

import numpy as np
from mxnet import nd

from ..files import DamagedFile
from ..mxnet_private import (
    named_parameters,
    set_update_count,
    trainer_devices,
    update_count,
    updater_of,
)
from ..training.hooks import NonFiniteLoss
from ..training.loop import best_epoch
from .ranks import PREFIX, add_workers
from .records import HistoryRow
from .tensors import encode_tensors, read_tensors
from .weights import check_net_arrays, first_non_finite, set_net_arrays


def encode_checkpoint(net, trainer, state, rows, identity, owned=(), workers=None):
    """Everything that the rest of a run depends on, as the bytes of a file.

    Arguments: `state` is the loop's `TrainingState`, between two steps; `rows` has a tuple of
    numbers for each epoch done, `EpochRecord` without its seconds, then the learning rate;
    `identity` is a string that `load_checkpoint` asks for again; `owned` is the `own_state` of each
    of several `workers`.

    Raises NonFiniteLoss if a weight is not finite.
    """
    nd.waitall()
    tensors = {}
    for name, param in named_parameters(net).items():
        for ctx, array in zip(param.list_ctx(), param.list_data()):
            tensors['weights/%s/%s' % (ctx, name)] = array.asnumpy()
    bad = first_non_finite(tensors)
    if bad:
        epoch = state.epoch if state.batch else state.epoch - 1
        raise NonFiniteLoss('%s is not finite after epoch %d, step %d, learning rate %g: try a '
                            'lower lr, or warmup_epochs'
                            % (bad.split('/', 2)[2], epoch, state.step, trainer.learning_rate))
    optimizer = trainer.optimizer
    counts = {}
    for ctx, updater, _, index, key in _updates(net, trainer):
        if index in updater.states:
            for i, array in enumerate(_flat(updater.states[index])):
                tensors['optimizer/%s/%d' % (key, i)] = array.asnumpy()
        counts[key] = update_count(optimizer, ctx.device_id, index)
    drawn: Any = np.random.get_state()
    tensors['numpy'], python = drawn[1], random.getstate()
    tensors['python'] = np.array(python[1], 'uint32')
    info = {
        'identity': identity, 'epoch': state.epoch, 'step': state.step, 'batch': state.batch,
        'images': state.images, 'loss': state.losses.read(), 'hits': state.hits.read(),
        'rows': rows, 'counts': counts,
        'best_epoch': best_epoch(state.history) if state.history else None,
        'optimizer': _numbers(optimizer), 'numpy': drawn[2:], 'python': python[2]}
    if owned:
        add_workers(tensors, info, net, owned, workers)
    return encode_tensors(tensors, info)


def load_checkpoint(path, identity=None):
    """(tensors, info) of a checkpoint that is verified, as to what it holds too.

    Raises DamagedFile if it is damaged or no checkpoint, and ValueError if it was saved with
    another `identity`.
    """
    tensors, info = read_tensors(path)
    try:
        _check_info(info)
        _check_arrays(tensors)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DamagedFile('%s: not a checkpoint: %s' % (path, (
            'it lacks %s' % error if isinstance(error, KeyError) else error)))
    if identity not in (None, info['identity']):
        raise ValueError('%s is of another run than the config.json beside it' % path)
    return tensors, info


def _check_info(info):
    """ValueError, KeyError or TypeError unless `info` is what `encode_checkpoint` makes."""
    for name, value in [('identity', str), ('rows', list), ('counts', dict), ('optimizer', dict),
                        ('numpy', list)]:
        _want(isinstance(info[name], value), name, info[name])
    for name in ('epoch', 'step', 'batch', 'images'):
        _want(_is_whole(info[name]), name, info[name])
    for name, most in (('loss', math.inf), ('hits', info['images'])):
        _want(_is_finite(info[name]) and 0 <= info[name] <= most, name, info[name])
    for i, row in enumerate(info['rows']):
        _want(isinstance(row, list) and len(row) == len(HistoryRow._fields) and row[0] == i + 1
              and all(map(_is_finite, row)) and min(row) >= 0 and max(row[2:4]) <= 1, 'rows', row)
    _want(info['epoch'] == len(info['rows']) + 1, 'epoch', info['epoch'])
    _want((info['batch'] == 0) == (info['images'] == 0) and info['batch'] <= info['step'], 'batch',
          info['batch'])
    workers = info.setdefault('workers', 1)
    _want(_is_whole(workers) and workers > 0, 'workers', workers)
    best = info['best_epoch']
    _want(best is None if not info['rows'] else best in range(1, info['epoch']), 'best_epoch', best)
    for key, count in info['counts'].items():
        _want(count is None or _is_whole(count), key, count)
    for key, value in info['optimizer'].items():
        _want(_is_finite(value), key, value)
    position, has_gauss, gauss = info['numpy']
    _want(_is_whole(position) and position <= 624 and has_gauss in (0, 1) and _is_finite(gauss),
          'numpy', info['numpy'])
    _want(info['python'] is None or _is_finite(info['python']), 'python', info['python'])


def _check_arrays(tensors):
    """ValueError unless there are generators of the right kind, and weights, all finite."""
    for name, size in [('numpy', 624), ('python', 625)]:
        array = tensors.get(name)
        _want(array is not None and array.shape == (size,) and array.dtype == np.uint32, name,
              None if array is None else array.shape)
    _want(int(tensors['python'][-1]) <= 624, 'python', tensors['python'][-1])
    for name, array in tensors.items():
        _want(not name.startswith(PREFIX) or array.dtype == np.uint8 and array.ndim == 1, name,
              array.shape)
    weights = {name: array for name, array in tensors.items() if name.startswith('weights/')}
    _want(weights and all(name.count('/') == 2 for name in weights), 'weights', list(weights)[:1])
    _want(first_non_finite(weights) is None, 'weights', first_non_finite(weights))
    kinds = {}
    for name, array in weights.items():  # of one parameter on several devices
        kind = array.shape, array.dtype
        _want(kinds.setdefault(name.split('/', 2)[2], kind) == kind, name, array.shape)


def _want(good, name, value):
    if not good:
        raise ValueError('%s cannot be %r' % (name, value))


def _is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2 ** 63


def _is_finite(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def checkpoint_arrays(tensors):
    """What `net_arrays` gave when the checkpoint was saved."""
    by_name = {}
    for key, array in tensors.items():
        if key.startswith('weights/'):
            by_name.setdefault(key.split('/', 2)[2], []).append(array)
    # Summed in the order of devices, in the arrays' own precision, as Gluon does.
    return {name: arrays[0] if len(arrays) == 1 else sum(arrays[1:], arrays[0]) / np.array(
        len(arrays), arrays[0].dtype) for name, arrays in by_name.items()}


def restore_checkpoint(tensors, info, net, trainer, state, seconds=0.0):
    """Set a new net, initialized, its trainer, the loop's state but `history`, and the generators.

    `seconds` are those that the epoch under way had taken.

    Raises ValueError, before anything is set, where the checkpoint is of another net, optimizer or
    other devices.
    """
    optimizer = trainer.optimizer
    arrays = checkpoint_arrays(tensors)
    check_net_arrays(net, arrays)
    wanted = {'weights/%s/%s' % (ctx, name) for name, param in
              named_parameters(net).items() for ctx in param.list_ctx()}
    _compare('weights', {key for key in tensors if key.startswith('weights/')}, wanted)
    _compare('counts', set(info['counts']), {key for *_, key in _updates(net, trainer)})
    # What an optimizer has not set yet is no number here: lars has its rate once it has stepped.
    unset = {name for name, value in vars(optimizer).items() if value is None}
    _compare('numbers of the optimizer', set(info['optimizer']) - unset, set(_numbers(optimizer)))
    set_net_arrays(net, arrays)
    if len(trainer_devices(trainer)) > 1:
        # The first step would copy the first device's statistics to all: let it do so now.
        trainer.allreduce_grads()
    for name, param in named_parameters(net).items():
        for ctx, array in zip(param.list_ctx(), param.list_data()):
            _set(array, tensors, 'weights/%s/%s' % (ctx, name))
    for ctx, updater, param, index, key in _updates(net, trainer):
        if info['counts'][key] is None:
            continue
        updater.states[index] = optimizer.create_state_multi_precision(index, param.data(ctx))
        updater.states_synced[index] = True
        for i, array in enumerate(_flat(updater.states[index])):
            _set(array, tensors, 'optimizer/%s/%d' % (key, i))
        set_update_count(optimizer, ctx.device_id, index, info['counts'][key])
    for name, value in info['optimizer'].items():
        setattr(optimizer, name, value)
    drawn: Any = ('MT19937', tensors['numpy']) + tuple(info['numpy'])
    np.random.set_state(drawn)
    random.setstate((3, tuple(int(n) for n in tensors['python']), info['python']))
    state.step = info['step']
    state.begin_epoch(*(info[key] for key in ('batch', 'images', 'loss', 'hits')), seconds)


def _compare(what, there, here):
    if there != here:
        raise ValueError('the checkpoint does not fit: of the %s, %s is in one of the two only'
                         % (what, sorted(there ^ here)[0]))


def _updates(net, trainer):
    """(device, updater, parameter, its index in the trainer, its key in a file), for each."""
    for name, param in named_parameters(net).items():
        index, updaters = updater_of(trainer, param)
        for ctx, updater in zip(param.list_ctx(), updaters):
            yield ctx, updater, param, index, '%s/%s' % (ctx, name)


def _flat(state):
    """The NDArrays in an optimizer's state for a weight: None, an NDArray, or tuples of such."""
    if state is None:
        return []
    if isinstance(state, nd.NDArray):
        return [state]
    if isinstance(state, (tuple, list)):
        return [array for part in state for array in _flat(part)]
    raise ValueError('an optimizer whose state is a %s cannot be saved' % type(state).__name__)


def _numbers(optimizer):
    """The plain numbers among an optimizer's attributes, as its count of updates."""
    return {name: value for name, value in vars(optimizer).items()
            if isinstance(value, (int, float)) and not isinstance(value, bool)}


def _set(array, tensors, key):
    value = tensors.get(key)
    if value is None or value.shape != array.shape or value.dtype != array.dtype:
        raise ValueError('the checkpoint does not fit: %s is %s there and %s %s here' % (
            key, 'missing' if value is None else '%s %s' % (value.dtype, value.shape),
            np.dtype(array.dtype), array.shape))
    array[:] = nd.array(value, dtype=value.dtype)
