"""The running statistics of a net, which are not trained and differ between ranks."""
import numpy as np
from mxnet import nd


def statistics_of(net):
    """Return the parameters of `net` without a gradient, such as running averages, in its order."""
    return [param for param in net.collect_params().values() if param.grad_req == 'null']


def statistics_bytes(net):
    """Return the values of `statistics_of(net)`, one after another, as bytes of float32."""
    nd.waitall()
    return b''.join(param.list_data()[0].asnumpy().astype(np.float32).tobytes()
                    for param in statistics_of(net))


def set_statistics(net, content):
    """Set the statistics of a net to what `statistics_bytes` returned."""
    values, start = np.frombuffer(content, np.float32), 0
    for param in statistics_of(net):
        stop = start + int(np.prod(param.shape))
        param.set_data(nd.array(values[start:stop].reshape(param.shape), dtype=param.dtype))
        start = stop
