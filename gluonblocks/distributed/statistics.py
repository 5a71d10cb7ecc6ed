"""The running statistics of a net, which are not trained and differ between ranks."""
import numpy as np
from mxnet import nd


def statistics_of(net):
    """Return the parameters of `net` without a gradient, such as running averages, in its order."""
    return [param for param in net.collect_params().values() if param.grad_req == 'null']


def read_statistics(net):
    """Return the values of `statistics_of(net)`, one after another, as float32 (n,)."""
    nd.waitall()
    arrays = [param.list_data()[0].asnumpy().reshape(-1) for param in statistics_of(net)]
    return np.concatenate([np.zeros(0), *arrays]).astype(np.float32)


def set_statistics(net, values):
    """Set the statistics of a net to what `read_statistics` returned."""
    start = 0
    for param in statistics_of(net):
        stop = start + int(np.prod(param.shape))
        param.set_data(nd.array(values[start:stop].reshape(param.shape), dtype=param.dtype))
        start = stop


def merge_statistics(rows, num_images):
    """Return the mean of each rank's `read_statistics`, weighted by its number of images."""
    if not sum(num_images):
        return np.asarray(rows[0], np.float32)
    return np.average(np.asarray(rows, 'float64'), axis=0, weights=num_images).astype(np.float32)
