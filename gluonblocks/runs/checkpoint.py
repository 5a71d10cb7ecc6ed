"""Save and restore the state of a run: weights, optimizer, training loop and random generators."""
import json
import math
import random
from typing import Any

import numpy as np
from mxnet import nd

from ..distributed.group import read_statistics, set_statistics
from ..files import DamagedFile
from ..mxnet_private import (
    named_parameters,
    set_update_count,
    trainer_devices,
    update_count,
    updater_of,
)
from ..training.hooks import NonFiniteLoss
from ..training.loop import EpochRecord, TrainingState
from .weights import encode_tensors, first_non_finite, read_tensors, set_net_arrays

OTHER_RUN = '%s and config.json are from different runs. Restore the file from a copy of this run'


def rank_state(net, state, workers):
    """Return this rank's part of a checkpoint, including its random generator states, as JSON."""
    numpy: Any = np.random.get_state()
    return json.dumps({
        'images': state.images, 'loss': state.losses.read(), 'hits': state.hits.read(),
        'numpy': [numpy[0], numpy[1].tolist(), *numpy[2:]], 'python': random.getstate(),
        # A single process stores no statistics here, because they are saved with its weights.
        'statistics': read_statistics(net).tolist() if workers.world_size > 1 else []}).encode()


def encode_checkpoint(net, trainer, state, rows, identity, ranks):
    """Return the content of a checkpoint file: everything needed to continue the run exactly.

    `state` is the `TrainingState` of the training loop; no step may be in progress. `rows` contains
    a `HistoryRow` for each finished epoch. `identity`, the result of `identity_of`, identifies the
    run. `ranks` lists the `rank_state` of each rank, in rank order.

    Raises NonFiniteLoss if a weight is not finite.
    """
    nd.waitall()
    tensors = {name: array.asnumpy() for name, array in _live_arrays(net, trainer).items()}
    bad = first_non_finite({name: array for name, array in tensors.items()
                            if name.startswith('weights/')})
    if bad:
        epoch = state.epoch if state.batch else state.epoch - 1
        raise NonFiniteLoss('the parameter %s is not finite after epoch %d, step %d, learning rate '
                            '%g: try a lower learning rate, or a warm-up'
                            % (bad.split('/', 2)[2], epoch, state.step, trainer.learning_rate))
    for k, content in enumerate(ranks):
        tensors['rank/%d' % k] = np.frombuffer(content, np.uint8)
    return encode_tensors(tensors, {
        'identity': identity, 'epoch': state.epoch, 'step': state.step, 'batch': state.batch,
        # Checkpoints at the end of an epoch omit the measured time, so that they are reproducible.
        'seconds': state.seconds if state.batch else 0.0, 'rows': rows,
        'counts': {key: update_count(trainer.optimizer, ctx.device_id, index)
                   for ctx, _, _, index, key in _updates(net, trainer)},
        'optimizer': {name: value for name, value in vars(trainer.optimizer).items()
                      if isinstance(value, (int, float))}})


def load_checkpoint(path, identity=None):
    """Read the checkpoint at `path`; return (tensors, info), as `read_tensors` does.

    Raises DamagedFile if the file is damaged or not a checkpoint, and ValueError if `identity` is
    not None and the checkpoint is from another run.
    """
    tensors, info = read_tensors(path)
    if 'step' not in info:
        raise DamagedFile('%s: expected a checkpoint, found only weights' % path)
    if identity not in (None, info['identity']):
        raise ValueError(OTHER_RUN % path)
    return tensors, info


def checkpoint_arrays(tensors):
    """Return a checkpoint's weights as a dict of NumPy arrays, like `net_arrays`."""
    by_name = {}
    for key, array in tensors.items():
        if key.startswith('weights/'):
            by_name.setdefault(key.split('/', 2)[2], []).append(array)
    # Average the weights across devices. To match Gluon's average bit for bit, add the arrays in
    # device order and in their own dtype.
    return {name: arrays[0] if len(arrays) == 1 else sum(arrays[1:], arrays[0]) / np.array(
        len(arrays), arrays[0].dtype) for name, arrays in by_name.items()}


def restore_checkpoint(tensors, info, net, trainer, workers):
    """Restore an initialized net, its trainer and the random generators from a checkpoint.

    Returns the `TrainingState` to continue from. Its history contains NaN for each epoch's time.
    If the number of workers has changed, rank 0 continues with the loss and accuracy sums of all
    ranks, and every rank uses the running statistics and random generators of rank 0.

    Raises ValueError if the checkpoint is for another net, optimizer or set of devices.
    """
    optimizer = trainer.optimizer
    set_net_arrays(net, checkpoint_arrays(tensors))
    if len(trainer_devices(trainer)) > 1:
        # The first training step copies the first device's running statistics to the other devices.
        # Trigger that copy now, so that it does not overwrite the restored statistics.
        trainer.allreduce_grads()
    for ctx, updater, param, index, key in _updates(net, trainer):
        if info['counts'].get(key) is not None:
            updater.states[index] = optimizer.create_state_multi_precision(index, param.data(ctx))
            updater.states_synced[index] = True
            set_update_count(optimizer, ctx.device_id, index, info['counts'][key])
    arrays = _live_arrays(net, trainer)
    saved = {key: array for key, array in tensors.items() if not key.startswith('rank/')}
    differ = sorted(set(saved) ^ set(arrays))
    if differ:
        raise ValueError('the checkpoint does not match the net: only one of them contains %s'
                         % differ[0])
    for key, array in arrays.items():
        value = saved[key]
        if value.shape != array.shape or value.dtype != array.dtype:
            raise ValueError('the checkpoint does not match the net: expected %s to be %s %s, '
                             'found %s %s' % (key, np.dtype(array.dtype), array.shape,
                                              value.dtype, value.shape))
        array[:] = nd.array(value, dtype=value.dtype)
    for name, value in info['optimizer'].items():
        setattr(optimizer, name, value)
    state = TrainingState()
    state.step = info['step']
    state.history = [EpochRecord(*tuple(row[:4]) + (math.nan,)) for row in info['rows']]

    ranks = [json.loads(tensors['rank/%d' % k].tobytes())
             for k in range(len(tensors) - len(saved))]
    if len(ranks) == workers.world_size:
        own = ranks[workers.rank]
    else:
        sums = {name: 0 if workers.rank else sum(other[name] for other in ranks)
                for name in ('images', 'loss', 'hits')}
        own = dict(ranks[0], statistics=[], **sums)
    if own['statistics']:
        set_statistics(net, np.array(own['statistics'], np.float32))
    np.random.set_state(tuple(own['numpy']))
    version, internal, gauss = own['python']
    random.setstate((version, tuple(internal), gauss))
    state.begin_epoch(info['batch'], own['images'], own['loss'], own['hits'], info['seconds'])
    return state


def _live_arrays(net, trainer):
    """Return a dict of the NDArrays that a checkpoint saves from a net and its optimizer.

    Each key is 'weights/DEVICE/PARAMETER' or 'optimizer/DEVICE/PARAMETER/INDEX'.
    """
    arrays = {'weights/%s/%s' % (ctx, name): array
              for name, param in named_parameters(net).items()
              for ctx, array in zip(param.list_ctx(), param.list_data())}
    for _, updater, _, index, key in _updates(net, trainer):
        for i, array in enumerate(_flat(updater.states.get(index))):
            arrays['optimizer/%s/%d' % (key, i)] = array
    return arrays


def _updates(net, trainer):
    """Yield (device, updater, parameter, index, key) for each parameter on each device.

    `updater` is the device's updater, `index` is the parameter's index in the trainer, and `key` is
    the string 'DEVICE/PARAMETER' that names the parameter in a checkpoint.
    """
    for name, param in named_parameters(net).items():
        index, updaters = updater_of(trainer, param)
        for ctx, updater in zip(param.list_ctx(), updaters):
            yield ctx, updater, param, index, '%s/%s' % (ctx, name)


def _flat(state):
    """Flatten an optimizer state (None, an NDArray or nested tuples) into a list of NDArrays."""
    if isinstance(state, (tuple, list)):
        return [array for part in state for array in _flat(part)]
    return [] if state is None else [state]
