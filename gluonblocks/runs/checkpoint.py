"""A run's whole state in one file, and back: weights, statistics, optimizer, loop, generators."""
import random
from typing import Any

import numpy as np
from mxnet import nd

from ..files import DamagedFile
from ..training.history import best_epoch
from ..training.hooks import NonFiniteLoss
from .tensors import encode_tensors, read_tensors


def net_arrays(net):
    """What a net has learned: a dict from the names of `save_parameters` to NumPy arrays.

    Of a net on several devices, whose statistics differ, it is the mean, as in that function.
    """
    nd.waitall()  # statistics that are still being computed would be read as they were before
    return {name: param._reduce().asnumpy()
            for name, param in net._collect_params_with_prefix().items()}


def set_net_arrays(net, arrays):
    """Give the parameters of `net`, which is initialized, the values of `net_arrays`.

    Raises ValueError, before anything is set, where names or shapes are not the net's.
    """
    params = net._collect_params_with_prefix()
    if set(params) != set(arrays):
        raise ValueError('the weights are of another net: %s is in one of the two only'
                         % sorted(set(params) ^ set(arrays))[0])
    for name, param in params.items():
        shape = arrays[name].shape  # 0 in the shape of a parameter: not known before an input
        if len(param.shape or shape) != len(shape) or any(
                a not in (0, b) for a, b in zip(param.shape or shape, shape)):
            raise ValueError('the weights are of another net: %s has shape %s there, %s here'
                             % (name, shape, param.shape))
    for name, param in params.items():
        param.set_data(nd.array(arrays[name], dtype=param.dtype))
        param._finish_deferred_init()


def encode_checkpoint(net, trainer, state, rows, identity):
    """Everything that the rest of a run depends on, as the bytes of a file.

    Arguments: `state` is the loop's `TrainingState`, between two steps; `rows` has a tuple of
    numbers for each epoch done, `EpochRecord` without its seconds, then the learning rate;
    `identity` is a string that `load_checkpoint` asks for again.

    Raises NonFiniteLoss if a weight is not finite.
    """
    nd.waitall()
    tensors = {}
    for name, param in net._collect_params_with_prefix().items():
        for ctx, array in zip(param.list_ctx(), param.list_data()):
            tensors['weights/%s/%s' % (ctx, name)] = array.asnumpy()
    bad = _first_non_finite(tensors)
    if bad:
        epoch = state.epoch if state.batch else state.epoch - 1
        raise NonFiniteLoss('%s is not finite after epoch %d, step %d, learning rate %g: try a '
                            'lower --lr, or --warmup-epochs'
                            % (bad.split('/', 2)[2], epoch, state.step, trainer.learning_rate))
    optimizer = trainer.optimizer
    counts = {}
    for ctx, updater, _, index, key in _updates(net, trainer):
        if index in updater.states:
            for i, array in enumerate(_flat(updater.states[index])):
                tensors['optimizer/%s/%d' % (key, i)] = array.asnumpy()
        counts[key] = optimizer._all_index_update_counts.get(ctx.device_id, {}).get(index)
    drawn: Any = np.random.get_state()
    tensors['numpy'], python = drawn[1], random.getstate()
    tensors['python'] = np.array(python[1], 'uint32')
    info = {
        'identity': identity, 'epoch': state.epoch, 'step': state.step, 'batch': state.batch,
        'images': state.images, 'loss': state.losses.read(), 'hits': state.hits.read(),
        'seconds': state.seconds if state.batch else 0.0, 'rows': rows, 'counts': counts,
        'best_epoch': best_epoch(state.history) if state.history else None,
        'optimizer': _numbers(optimizer), 'numpy': drawn[2:], 'python': python[2]}
    return encode_tensors(tensors, info)


def load_checkpoint(path, identity=None):
    """(tensors, info) of a checkpoint that is verified.

    Raises DamagedFile if it is damaged, and ValueError if it was saved with another `identity`.
    """
    tensors, info = read_tensors(path)
    if 'step' not in info:
        raise DamagedFile('%s: not a checkpoint' % path)
    if identity not in (None, info['identity']):
        raise ValueError('%s is of another run than the config.json beside it' % path)
    return tensors, info


def checkpoint_arrays(tensors):
    """What `net_arrays` gave when the checkpoint was saved."""
    by_name = {}
    for key, array in tensors.items():
        if key.startswith('weights/'):
            by_name.setdefault(key.split('/', 2)[2], []).append(array)
    # Summed in the order of devices, in the arrays' own precision, as Gluon does.
    return {name: arrays[0] if len(arrays) == 1 else sum(arrays[1:], arrays[0]) / np.array(
        len(arrays), arrays[0].dtype) for name, arrays in by_name.items()}


def restore_checkpoint(tensors, info, net, trainer, state):
    """Set a new net, initialized, its trainer, the loop's state but `history`, and the generators.

    Raises ValueError where the checkpoint is of another net, optimizer or other devices.
    """
    set_net_arrays(net, checkpoint_arrays(tensors))
    if len(trainer._contexts) > 1:
        # The first step would copy the first device's statistics to all: let it do so now.
        trainer.allreduce_grads()
    for name, param in net._collect_params_with_prefix().items():
        for ctx, array in zip(param.list_ctx(), param.list_data()):
            _set(array, tensors, 'weights/%s/%s' % (ctx, name))
    optimizer = trainer.optimizer
    for ctx, updater, param, index, key in _updates(net, trainer):
        if info['counts'].get(key) is None:
            continue
        updater.states[index] = optimizer.create_state_multi_precision(index, param.data(ctx))
        updater.states_synced[index] = True
        for i, array in enumerate(_flat(updater.states[index])):
            _set(array, tensors, 'optimizer/%s/%d' % (key, i))
        optimizer._set_current_context(ctx.device_id)
        optimizer._index_update_count[index] = info['counts'][key]
    for name, value in info['optimizer'].items():
        setattr(optimizer, name, value)
    drawn: Any = ('MT19937', tensors['numpy']) + tuple(info['numpy'])
    np.random.set_state(drawn)
    random.setstate((3, tuple(int(n) for n in tensors['python']), info['python']))
    state.step = info['step']
    state.begin_epoch(*(info[key] for key in ('batch', 'images', 'loss', 'hits', 'seconds')))


def _updates(net, trainer):
    """(device, updater, parameter, its index in the trainer, its key in a file), for each."""
    for name, param in net._collect_params_with_prefix().items():
        index = trainer._param2idx[param.name]
        for ctx, updater in zip(param.list_ctx(), trainer._updaters):
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


def _first_non_finite(arrays):
    """The name of the first of `arrays`, a dict, that holds an infinity or no number, or None."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            return name
    return None
