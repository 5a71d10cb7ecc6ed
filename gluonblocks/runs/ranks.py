"""What each of several workers has for itself in a checkpoint: statistics, sums, generators."""
import json
import random
import struct
from typing import Any

import numpy as np

from ..distributed.statistics import set_statistics, statistics_bytes, statistics_of
from ..files import DamagedFile, read_file
from ..mxnet_private import named_parameters
from .weights import MAX_BYTES

PREFIX = 'worker/'  # of the tensors' names


def own_state(net, state):
    """What this worker has for itself between two steps, as bytes."""
    numpy: Any = np.random.get_state()
    python = random.getstate()
    info = json.dumps({'images': state.images, 'loss': state.losses.read(),
                       'hits': state.hits.read(), 'numpy': numpy[2:], 'python': python[2]}).encode()
    return b''.join([struct.pack('<I', len(info)), info, numpy[1].astype('<u4').tobytes(),
                     np.array(python[1], '<u4').tobytes(), statistics_bytes(net)])


def gather_states(net, state, workers):
    """The `own_state` of all workers, for each; [] where there is one."""
    return workers.gather(own_state(net, state)) if workers.num_workers > 1 else []


def send_checkpoint(path, workers):
    """Send the checkpoint at `path`, None where there is none, to the other workers."""
    if workers.num_workers > 1:
        workers.first(b'' if path is None else bytes(read_file(path, MAX_BYTES)))


def take_state(content, net, state, seconds=0.0):
    """Set what `own_state` gave: the net's statistics, the sums in `state`, and the generators.

    Raises DamagedFile where `content` is not of this net.
    """
    info, numpy, python, statistics = _parts(content)
    if len(statistics) != len(statistics_bytes(net)):
        raise DamagedFile('the checkpoint does not fit: the statistics of a worker are of another '
                          'net')
    set_statistics(net, statistics)
    drawn: Any = ('MT19937', numpy) + tuple(info['numpy'])
    np.random.set_state(drawn)
    random.setstate((3, tuple(int(n) for n in python), info['python']))
    state.begin_epoch(state.batch, info['images'], info['loss'], info['hits'], seconds)


def add_workers(tensors, info, net, contents, workers):
    """Put the `own_state` of all into a checkpoint: each, and what they are together.

    The checkpoint's net has the statistics that all have once they are merged.
    """
    parts = [_parts(content) for content in contents]
    for name in ('images', 'loss', 'hits'):
        info[name] = sum(own[name] for own, *_ in parts)
    info['workers'] = len(contents)
    for k, content in enumerate(contents):
        tensors['%s%d' % (PREFIX, k)] = np.frombuffer(content, np.uint8)
    merged = workers.merged([np.float64(own['images']).tobytes() + statistics
                             for own, _, _, statistics in parts])
    values, start, names = np.frombuffer(merged, np.float32), 0, {}
    for name, param in named_parameters(net).items():
        names.setdefault(param, []).append(name)
    for param in statistics_of(net):
        stop = start + int(np.prod(param.shape))
        for name in names[param]:
            key = 'weights/%s/%s' % (param.list_ctx()[0], name)
            tensors[key] = values[start:stop].reshape(param.shape).astype(tensors[key].dtype)
        start = stop


def take_own(tensors, info, net, state, workers, seconds=0.0):
    """After a checkpoint is restored, set what this one of `workers` had for itself then.

    Where another number of workers goes on, the first takes the sums of all, and each the merged
    statistics.
    """
    own = tensors.get('%s%d' % (PREFIX, workers.rank))
    if own is not None and info['workers'] == workers.num_workers > 1:
        take_state(own.tobytes(), net, state, seconds)
    elif workers.rank:
        state.begin_epoch(state.batch, seconds=seconds)


def _parts(content):
    """(info, generators of NumPy and Python, statistics) of an `own_state`."""
    try:
        start = 4 + struct.unpack('<I', content[:4])[0]
        info = json.loads(content[4:start])
        words = np.frombuffer(content[start:start + 4 * (624 + 625)], '<u4')
        if len(words) != 624 + 625 or words[-1] > 624 or set(info) != {
                'images', 'loss', 'hits', 'numpy', 'python'}:
            raise ValueError
        return info, words[:624], words[624:], content[start + 4 * len(words):]
    except (struct.error, ValueError, TypeError, RecursionError):
        raise DamagedFile('the checkpoint does not fit: the state of a worker is none')
