"""Images in a row, as a notebook shows them."""
import matplotlib
import numpy as np
import pytest
from mxnet import nd

import gluonblocks as gb

matplotlib.use('Agg')


@pytest.fixture
def drawn():
    """What `show_fashion_mnist` draws: [(title, pixels), ...], one for each image."""
    from matplotlib import pyplot as plt

    def draw(images, labels):
        gb.show_fashion_mnist(images, labels)
        return [(ax.get_title(), ax.images[0].get_array()) for ax in plt.gcf().axes]
    yield draw
    plt.close('all')


@pytest.mark.parametrize('shape', [(3, 28, 28, 1), (3, 28, 28), (3, 784), (1, 28, 28)])
def test_images_are_shown_in_a_row_under_their_labels(shape, drawn):
    images, labels = nd.random.uniform(shape=shape), ['bag', 'coat', 'dress'][:shape[0]]
    shown = drawn(images, labels)
    assert [title for title, _ in shown] == labels
    for (_, pixels), image in zip(shown, images.asnumpy()):
        np.testing.assert_array_equal(pixels, image.reshape(28, 28))


def test_images_stand_from_left_to_right_without_axes(drawn):
    from matplotlib import pyplot as plt
    drawn(nd.zeros((3, 28, 28)), ['bag', 'coat', 'dress'])
    axes = plt.gcf().axes
    left = [ax.get_position().x0 for ax in axes]
    assert left == sorted(left) and len({ax.get_position().y0 for ax in axes}) == 1
    assert not any(axis.get_visible() for ax in axes for axis in (ax.get_xaxis(), ax.get_yaxis()))
