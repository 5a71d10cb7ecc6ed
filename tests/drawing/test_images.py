"""Images in a row, as a notebook shows them."""
import matplotlib
import numpy as np
import pytest
from mxnet import nd

import gluonblocks as gb

matplotlib.use('Agg')


@pytest.mark.parametrize('shape', [(3, 28, 28, 1), (3, 28, 28), (3, 784), (1, 28, 28)])
def test_images_are_in_a_row_from_left_to_right_under_their_labels_without_axes(shape):
    from matplotlib import pyplot as plt
    images, labels = nd.random.uniform(shape=shape), ['bag', 'coat', 'dress'][:shape[0]]
    gb.show_fashion_mnist(images, labels)
    axes = plt.gcf().axes
    plt.close('all')
    assert [ax.get_title() for ax in axes] == labels
    for ax, image in zip(axes, images.asnumpy()):
        np.testing.assert_array_equal(ax.images[0].get_array(), image.reshape(28, 28))
        assert not ax.get_xaxis().get_visible() and not ax.get_yaxis().get_visible()
    assert len({ax.get_position().y0 for ax in axes}) == 1
