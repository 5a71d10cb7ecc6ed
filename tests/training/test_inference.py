"""From images to the likeliest classes, against closed forms and the loader of the training."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from gluonblocks.training.inference import predict, predict_images, top_classes

SCORES = np.array([[0.0, np.log(3)], [np.log(4), 0.0]], dtype='float32')


@pytest.mark.parametrize('ctx', [mx.cpu(), [mx.cpu(0), mx.cpu(1)], [mx.cpu(i) for i in range(3)]])
@pytest.mark.parametrize('dtype', ['float32', 'float16'])
def test_probabilities_are_the_softmax_of_the_nets_output_on_any_number_of_devices(ctx, dtype):
    got = predict(lambda X: X.astype(dtype), nd.array(SCORES), ctx)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, [[0.25, 0.75], [0.8, 0.2]],
                               rtol=1e-6 if dtype == 'float32' else 1e-3)


def test_images_come_scaled_to_1_resized_and_batch_by_batch():
    sizes = []

    def net(X):
        sizes.append(X.shape)
        return nd.log(nd.stack(X.mean(axis=(1, 2, 3)), 1 - X.mean(axis=(1, 2, 3)), axis=1))
    images = np.stack([np.full((4, 4), grey, np.uint8) for grey in (51, 204, 102)])
    np.testing.assert_allclose(
        predict_images(net, images, resize=(2, 6), batch_size=2),
        [[0.2, 0.8], [0.8, 0.2], [0.4, 0.6]], rtol=1e-6)
    assert sizes == [(2, 1, 2, 6), (1, 1, 2, 6)]
    assert predict_images(net, nd.array(images, dtype='uint8')).shape == (3, 2)


@pytest.mark.parametrize('dtype', ['float32', 'int64'])
def test_images_that_are_not_bytes_are_refused_not_cut_to_bytes(dtype):
    with pytest.raises(ValueError, match='expected images as a uint8 .*got %s' % dtype):
        predict_images(lambda X: X, np.full((2, 4, 4), 0.5).astype(dtype))


def test_the_likeliest_classes_come_first():
    p = np.array([0.1, 0.6, 0.3], dtype='float32')
    assert top_classes(p, ['bag', 'coat', 'dress'], 2) == [('coat', p[1]), ('dress', p[2])]
    assert len(top_classes(p, ['bag', 'coat', 'dress'], 5)) == 3


def test_arrays_of_mx_np_are_refused():
    with pytest.raises(ValueError, match=r'^predict expects mx\.nd arrays, not mx\.np arrays'):
        predict(lambda X: X, mx.np.array(SCORES))
