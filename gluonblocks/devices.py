"""The devices to train on: D2L 5.5 and 8.4."""
import re

import mxnet as mx
from mxnet import nd

# All numbers of a CPU mean the same processor. MXNet accepts any, but hangs at a very large one; of
# a GPU's number it uses the last 32 bits alone.
MAX_DEVICES = 64


def try_gpu(i=0):
    """mx.gpu(i) if there is such a GPU and it works, else mx.cpu()."""
    return mx.gpu(i) if _works(mx.gpu(i)) else mx.cpu()


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

    Several, as 'gpu:0,1', are a list. Raises ValueError for other names, for a device named twice,
    for a GPU that is not there, with what is missing, and for a CPU above number 63.
    """
    match = re.fullmatch(r'(cpu|gpu)(?::([0-9]+(?:,[0-9]+)*))?', name)
    if not match:
        raise ValueError('there is no device %r; name one as cpu, gpu, or gpu:1, and several as '
                         'gpu:0,1' % name)
    numbers = [int(number) for number in (match.group(2) or '0').split(',')]
    devices = _check([mx.Context(match.group(1), number) for number in numbers])
    return devices if len(devices) > 1 else devices[0]


def devices_of(ctx):
    """A list of mx.Context from one, several, a name for `get_ctx`, or None (`try_gpu()`).

    Raises ValueError for devices as `get_ctx` does, and for an empty list or what is no device.
    """
    if ctx is None:
        return [try_gpu()]
    if isinstance(ctx, str):
        ctx = get_ctx(ctx)
    return _check(list(ctx) if isinstance(ctx, (list, tuple)) else [ctx])


def _check(devices):
    """The `devices`, which must be mx.Context, there, and none of them twice."""
    if not devices:
        raise ValueError('the list of devices is empty; name at least one, such as mx.cpu()')
    for ctx in devices:
        if not isinstance(ctx, mx.Context):
            raise ValueError('%r is no device; give mx.cpu(), mx.gpu(0), a list of such, or a name '
                             'such as cpu or gpu:0,1' % (ctx,))
        if devices.count(ctx) > 1:
            raise ValueError('%s is named twice; name each device once' % ctx)
        _check_works(ctx)
    return devices


def _check_works(ctx):
    if ctx.device_type.startswith('cpu'):
        if not 0 <= ctx.device_id < MAX_DEVICES:
            raise ValueError('there is no %s; CPUs are numbered from 0 to %d'
                             % (ctx, MAX_DEVICES - 1))
        return
    if _works(ctx):
        return
    if not mx.runtime.Features().is_enabled('CUDA'):
        reason = ('this MXNet %s is built without CUDA. Install a build for your CUDA version, '
                  'such as mxnet-cu112' % mx.__version__)
    else:
        found = [str(gpu) for gpu in try_all_gpus() if gpu.device_type == 'gpu']
        reason = ('MXNet finds %s. See what nvidia-smi lists'
                  % (', '.join(found) if found else 'no GPU that works'))
    raise ValueError('%s cannot be used: %s, or use cpu' % (ctx, reason))


def _works(ctx):
    if not 0 <= ctx.device_id < MAX_DEVICES:
        return False
    try:
        nd.array([0], ctx=ctx).wait_to_read()
    except mx.base.MXNetError:
        return False
    return True
