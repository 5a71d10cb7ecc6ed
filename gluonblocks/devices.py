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


def devices_of(ctx):
    """Return a list of mx.Context.

    `ctx` is one, a list of them, a name such as 'cpu', 'gpu', 'gpu:1' or 'gpu:0,1', or None
    (`try_gpu()`). Raises ValueError for anything else, an empty list, a device named twice, a GPU
    that is not there, with what is missing, and a CPU above number 63.
    """
    if ctx is None:
        return [try_gpu()]
    if isinstance(ctx, str):
        match = re.fullmatch(r'(cpu|gpu)(?::([0-9]+(?:,[0-9]+)*))?', ctx)
        if not match:
            raise ValueError('there is no device %r; name one as cpu, gpu, or gpu:1, and several '
                             'as gpu:0,1' % ctx)
        ctx = [mx.Context(match.group(1), int(number))
               for number in (match.group(2) or '0').split(',')]
    devices = list(ctx) if isinstance(ctx, (list, tuple)) else [ctx]
    if not devices:
        raise ValueError('the list of devices is empty; name at least one, such as mx.cpu()')
    for device in devices:
        if not isinstance(device, mx.Context):
            raise ValueError('%r is no device; give mx.cpu(), mx.gpu(0), a list of such, or a name '
                             'such as cpu or gpu:0,1' % (device,))
        if devices.count(device) > 1:
            raise ValueError('%s is named twice; name each device once' % device)
        _check_works(device)
    return devices


def _check_works(ctx):
    if ctx.device_type.startswith('cpu'):
        if not 0 <= ctx.device_id < MAX_DEVICES:
            raise ValueError('there is no %s; CPUs are numbered from 0 to %d'
                             % (ctx, MAX_DEVICES - 1))
    elif not _works(ctx):
        if mx.runtime.Features().is_enabled('CUDA'):
            found = ', '.join(str(gpu) for gpu in try_all_gpus() if gpu.device_type == 'gpu')
            reason = 'MXNet finds %s. See what nvidia-smi lists' % (found or 'no GPU that works')
        else:
            reason = ('this MXNet %s is built without CUDA. Install a build for your CUDA version, '
                      'such as mxnet-cu112' % mx.__version__)
        raise ValueError('%s cannot be used: %s, or use cpu' % (ctx, reason))


def _works(ctx):
    if not 0 <= ctx.device_id < MAX_DEVICES:
        return False
    try:
        nd.array([0], ctx=ctx).wait_to_read()
    except mx.base.MXNetError:
        return False
    return True
