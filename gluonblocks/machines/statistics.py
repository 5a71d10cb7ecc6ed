"""The moving statistics of a net: what is not trained, and differs from worker to worker."""
import numpy as np
from mxnet import nd


def statistics_of(net):
    """The parameters of `net` that no gradient moves, as moving averages, in the net's order."""
    return [param for param in net.collect_params().values() if param.grad_req == 'null']


def statistics_bytes(net):
    """The values of `statistics_of` a net, one after another, as float32."""
    nd.waitall()
    return b''.join(param.list_data()[0].asnumpy().astype(np.float32).tobytes()
                    for param in statistics_of(net))


def set_statistics(net, content):
    """Give a net the values of `statistics_bytes`."""
    values, start = np.frombuffer(content, np.float32), 0
    for param in statistics_of(net):
        stop = start + int(np.prod(param.shape))
        param.set_data(nd.array(values[start:stop].reshape(param.shape), dtype=param.dtype))
        start = stop
