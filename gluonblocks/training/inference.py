"""Predict class probabilities and find the most probable classes."""
import mxnet as mx
import numpy as np
from mxnet import nd

from ..checks import check_classic_arrays, check_positive
from ..data.batches import BatchLoader, as_numpy
from ..devices import devices_of
from .feed import split
from .metrics import evaluate


def predict(net, X, ctx=mx.cpu()):
    """Return the softmax of `net(X)` in float32: (N, C, H, W) -> NumPy (N, num_classes).

    `ctx` is a device, or a list of devices across which X is split. Raises ValueError if X is an
    mx.np array, or if `npx.set_np()` is active.
    """
    check_classic_arrays('predict', X)
    outputs = [net(shard) for shard, in split((X,), devices_of(ctx))]
    return np.concatenate([nd.softmax(output.astype('float32', copy=False)).asnumpy()
                           for output in outputs])


def predict_images(net, images, ctx=mx.cpu(), resize=None, batch_size=256):
    """Return class probabilities for uint8 images (n, H, W), computed in batches; see `predict`.

    As in training, the images are scaled to [0, 1] and resized to `resize`, unless it is None.
    Raises ValueError if the images are not uint8, for example because they are already scaled.
    """
    images = as_numpy(images)
    loader = BatchLoader(images, np.zeros(len(images), np.int32), batch_size, resize=resize)
    return evaluate(net, loader, ctx).probabilities


def top_classes(probabilities, names, top=3):
    """Return a list of the `top` (or fewer) most probable classes as (name, probability) pairs."""
    check_positive('top', top)
    order = np.argsort(-probabilities, kind='stable')[:top]
    return [(names[i], float(probabilities[i])) for i in order]
