"""The part of a checkpoint that differs between ranks: statistics, sums, generators."""
import json
import random
from typing import Any

import numpy as np

from ..distributed.group import read_statistics, set_statistics
from ..files import read_file
from .weights import MAX_BYTES

PREFIX = 'worker/'  # of the tensors' names


def own_state(net, state):
    """Return the state of this rank alone between two steps, as bytes."""
    numpy: Any = np.random.get_state()
    return json.dumps({
        'images': state.images, 'loss': state.losses.read(), 'hits': state.hits.read(),
        'numpy': [numpy[0], numpy[1].tolist(), *numpy[2:]], 'python': random.getstate(),
        'statistics': read_statistics(net).tolist()}).encode()


def gather_states(net, state, workers):
    """Return the `own_state` of all ranks; [] if there is one process only."""
    return workers.all_gather(own_state(net, state)) if workers.world_size > 1 else []


def send_checkpoint(path, workers):
    """Send the checkpoint at `path`, None if there is none, to the other ranks."""
    if workers.world_size > 1:
        workers.broadcast(b'' if path is None else bytes(read_file(path, MAX_BYTES)))


def add_workers(tensors, info, contents):
    """Add the `own_state` of all ranks to a checkpoint of rank 0: each, and their sums."""
    states = [json.loads(content) for content in contents]
    for name in ('images', 'loss', 'hits'):
        info[name] = sum(own[name] for own in states)
    info['workers'] = len(contents)
    for k, content in enumerate(contents):
        tensors['%s%d' % (PREFIX, k)] = np.frombuffer(content, np.uint8)


def take_own(tensors, info, net, state, workers, seconds=0.0):
    """After a checkpoint is restored, set what it has of this rank of `workers` alone.

    If another number of workers resumes, rank 0 takes the sums of all, and each rank the running
    statistics of rank 0.
    """
    content = tensors.get('%s%d' % (PREFIX, workers.rank))
    if content is not None and info['workers'] == workers.world_size > 1:
        own = json.loads(content.tobytes())
        set_statistics(net, np.array(own['statistics'], np.float32))
        np.random.set_state(tuple(own['numpy']))
        version, numbers, gauss = own['python']
        random.setstate((version, tuple(numbers), gauss))
        state.begin_epoch(state.batch, own['images'], own['loss'], own['hits'], seconds)
    elif workers.rank:
        state.begin_epoch(state.batch, seconds=seconds)
