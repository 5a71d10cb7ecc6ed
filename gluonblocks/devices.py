"""The devices to train on: D2L 5.5 and 8.4."""
import re

import mxnet as mx
from mxnet import nd


def try_gpu():
    """mx.gpu(0) if there is a GPU that works, else mx.cpu()."""
    return try_all_gpus()[0]


def try_all_gpus():
    """All GPUs that work, at most 16, or [mx.cpu()] if there is none."""
    gpus = []
    for i in range(16):
        if not _works(mx.gpu(i)):
            break
        gpus.append(mx.gpu(i))
    return gpus or [mx.cpu()]


def get_ctx(name):
    """The device that `name` says: 'cpu', 'gpu', 'gpu:1', ... -> mx.Context.

    Several, as 'gpu:0,1', are a list. Raises ValueError for other names, for a device named twice
    and for a GPU that is not there, with what is missing.
    """
    match = re.match(r'(cpu|gpu)(?::(\d+(?:,\d+)*))?$', name)
    if not match:
        raise ValueError('there is no device %r; name one as cpu, gpu, or gpu:1, and several as '
                         'gpu:0,1' % name)
    numbers = [int(number) for number in (match.group(2) or '0').split(',')]
    if len(set(numbers)) < len(numbers):
        raise ValueError('%r names a device twice' % name)
    devices = [_check_works(mx.Context(match.group(1), number)) for number in numbers]
    return devices if len(devices) > 1 else devices[0]


def devices_of(ctx):
    """A list of mx.Context from one, several, a name for `get_ctx`, or None (`try_gpu()`)."""
    ctx = try_gpu() if ctx is None else get_ctx(ctx) if isinstance(ctx, str) else ctx
    return list(ctx) if isinstance(ctx, (list, tuple)) else [ctx]


def _check_works(ctx):
    if ctx.device_type == 'cpu' or _works(ctx):
        return ctx
    if not mx.runtime.Features().is_enabled('CUDA'):
        reason = ('this MXNet %s is built without CUDA. Install a build for your CUDA version, '
                  'such as mxnet-cu112' % mx.__version__)
    else:
        found = [str(gpu) for gpu in try_all_gpus() if gpu.device_type == 'gpu']
        reason = ('MXNet finds %s. See what nvidia-smi lists'
                  % (', '.join(found) if found else 'no GPU that works'))
    raise ValueError('%s cannot be used: %s, or use cpu' % (ctx, reason))


def _works(ctx):
    try:
        nd.array([0], ctx=ctx).wait_to_read()
    except mx.base.MXNetError:
        return False
    return True
