"""Select the devices to train on. See D2L, sections 5.5 and 8.4."""
import re

import mxnet as mx
from mxnet import nd

# MXNet hangs if a CPU device number is very large, and uses only the low 32 bits of a GPU number,
# so reject large numbers.
MAX_DEVICES = 64


def try_gpu(i=0):
    """Return mx.gpu(i) if that GPU exists and works, otherwise mx.cpu()."""
    return mx.gpu(i) if _works(mx.gpu(i)) else mx.cpu()


def try_all_gpus():
    """Return [mx.gpu(0), mx.gpu(1), ...], the working GPUs, or [mx.cpu()] if there are none.

    The list has at most 16 devices, and ends before the first GPU that does not work.
    """
    gpus = []
    for i in range(16):
        if not _works(mx.gpu(i)):
            break
        gpus.append(mx.gpu(i))
    return gpus or [mx.cpu()]


def devices_of(ctx):
    """Convert `ctx` to a list of mx.Context.

    `ctx` is a context, a list of contexts, a name such as 'cpu', 'gpu', 'gpu:1' or 'gpu:0,1', or
    None, which selects `try_gpu()`. Raises ValueError, with the reason, for anything else, such as
    an empty list, a repeated device, a CPU number above 63, or a GPU that cannot be used.
    """
    if ctx is None:
        return [try_gpu()]
    if isinstance(ctx, str):
        match = re.fullmatch(r'(cpu|gpu)(?::([0-9]+(?:,[0-9]+)*))?', ctx)
        if not match:
            raise ValueError('expected a device such as cpu, gpu, gpu:1 or gpu:0,1, got %r' % ctx)
        ctx = [mx.Context(match.group(1), int(number))
               for number in (match.group(2) or '0').split(',')]
    devices = list(ctx) if isinstance(ctx, (list, tuple)) else [ctx]
    if not devices:
        raise ValueError('expected at least one device, such as mx.cpu(), got an empty list')
    for device in devices:
        if not isinstance(device, mx.Context):
            raise ValueError('expected a device such as mx.cpu() or mx.gpu(0), a list of devices, '
                             'or a name such as cpu or gpu:0,1, got %r' % (device,))
        if devices.count(device) > 1:
            raise ValueError('expected each device once, got %s twice' % device)
        _check_works(device)
    return devices


def _check_works(ctx):
    if ctx.device_type.startswith('cpu'):
        if not 0 <= ctx.device_id < MAX_DEVICES:
            raise ValueError('expected a CPU number from 0 to %d, got %s'
                             % (MAX_DEVICES - 1, ctx))
    elif not _works(ctx):
        if mx.runtime.Features().is_enabled('CUDA'):
            found = ', '.join(str(gpu) for gpu in try_all_gpus() if gpu.device_type == 'gpu')
            reason = 'MXNet finds %s: check that nvidia-smi lists this GPU' % (
                'only ' + found if found else 'no working GPU')
        else:
            reason = ('MXNet %s was built without CUDA: install a build for your CUDA version, '
                      'such as mxnet-cu112' % mx.__version__)
        raise ValueError('%s cannot be used, because %s. To run without a GPU, use cpu'
                         % (ctx, reason))


def _works(ctx):
    if not 0 <= ctx.device_id < MAX_DEVICES:
        return False
    try:
        nd.array([0], ctx=ctx).wait_to_read()
    except mx.base.MXNetError:
        return False
    return True
