"""What a net has learned, as NumPy arrays by name, and back into a net."""
import numpy as np
from mxnet import nd

from ..mxnet_private import averaged, finish_initialization, named_parameters


def net_arrays(net):
    """What a net has learned: a dict from the names of `save_parameters` to NumPy arrays.

    Of a net on several devices, whose statistics differ, it is the mean, as in that function.
    """
    nd.waitall()  # statistics that are still being computed would be read as they were before
    return {name: averaged(param).asnumpy() for name, param in named_parameters(net).items()}


def check_net_arrays(net, arrays):
    """ValueError where names or shapes of `arrays` are not those of the parameters of `net`."""
    params = named_parameters(net)
    if set(params) != set(arrays):
        raise ValueError('the weights are of another net: %s is in one of the two only'
                         % sorted(set(params) ^ set(arrays))[0])
    for name, param in params.items():
        shape = arrays[name].shape  # 0 in the shape of a parameter: not known before an input
        if not arrays[name].size or arrays[name].dtype.kind != 'f':
            raise ValueError('the weights are no weights: %s is %s of shape %s'
                             % (name, arrays[name].dtype, shape))
        if len(param.shape or shape) != len(shape) or any(
                a not in (0, b) for a, b in zip(param.shape or shape, shape)):
            raise ValueError('the weights are of another net: %s has shape %s there, %s here'
                             % (name, shape, param.shape))


def set_net_arrays(net, arrays):
    """Give the parameters of `net`, which is initialized, the values of `net_arrays`.

    Raises ValueError, before anything is set, where names or shapes are not the net's.
    """
    check_net_arrays(net, arrays)
    for name, param in named_parameters(net).items():
        param.set_data(nd.array(arrays[name], dtype=param.dtype))
        finish_initialization(param)


def first_non_finite(arrays):
    """The name of the first of `arrays`, a dict, that holds an infinity or no number, or None."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            return name
    return None
