"""Whether a net takes the images that there are, and makes what the loss and the accuracy take."""
import re

import mxnet as mx
import numpy as np
from mxnet import nd

from .options import OptionError


def check_images(net, loader, options):
    """ValueError if the images of `loader` are too small for a net; an OptionError if resized.

    Shapes alone are computed. Where the loader is of a kind that does not tell its images, or MXNet
    cannot trace the net, it is left to the first step.
    """
    if not hasattr(loader, 'images'):
        return
    size = getattr(loader, 'resize', None) or loader.images.shape[1:3]
    height, width = (size, size) if np.ndim(size) == 0 else size
    try:
        output = net(mx.sym.var('data'))
    except Exception:
        return  # no net of symbols
    if not isinstance(output, mx.sym.Symbol):
        return
    try:
        output.infer_shape_partial(data=(1, options['channels'], height, width))
    except mx.MXNetError as error:
        found = re.search(
            r'Error in operator (?:[a-z]+\d+_)?(\w+?)(?:_fwd)?:.*kernel size .*exceed', str(error))
        if not found:
            return
        words = 'images of %d x %d pixels are too small for the model %s: at its %s less is ' \
                'left than the kernel covers' % (height, width, options['model'], found.group(1))
        if options['resize']:
            raise OptionError('resize', 'is %d, but %s' % (options['resize'], words))
        raise ValueError(words + '; they can be resized')


def check_output(net, name, num_classes):
    """Have the first output of `net`, the model `name`, checked: (N, num_classes).

    It is looked at where it comes, within the first step, so that nothing is computed for it. The
    net then raises ValueError, with what it makes, for another shape and for several outputs.
    Returns Gluon's handle of the hook that does it, to detach.
    """
    waiting = [True]

    def check(block, inputs, output):
        if not waiting or not isinstance(output, (nd.NDArray, list, tuple)):
            return  # seen already, or a symbol: the net is only being traced
        waiting.clear()
        made = 'an output of shape %s' % (output.shape,) if isinstance(output, nd.NDArray) else (
            '%d outputs' % len(output))
        wanted = inputs[0].shape[0], num_classes
        if not isinstance(output, nd.NDArray) or output.shape != wanted:
            raise ValueError('the model %s makes %s, but must make (N, %d), a number for each '
                             'class: its last layer takes num_classes' % (name, made, num_classes))
    return net.register_forward_hook(check)
