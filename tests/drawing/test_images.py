"""What the book's helper package offers for looking at the data."""
import matplotlib
import numpy as np
from mxnet import nd

import gluonblocks as gb

matplotlib.use('Agg')


def test_labels_are_the_books_names():
    # D2L 3.5 lists the ten classes in this order.
    assert gb.get_fashion_mnist_labels(nd.array([0, 9, 2])) == ['t-shirt', 'ankle boot', 'pullover']
    assert len(set(gb.get_fashion_mnist_labels(range(10)))) == 10


def test_images_are_shown_in_a_row_under_their_labels():
    from matplotlib import pyplot as plt
    images = nd.random.uniform(shape=(3, 28, 28, 1))
    gb.show_fashion_mnist(images, ['bag', 'coat', 'dress'])
    axes = plt.gcf().axes
    assert [ax.get_title() for ax in axes] == ['bag', 'coat', 'dress']
    np.testing.assert_allclose(axes[1].images[0].get_array(), images[1].asnumpy()[:, :, 0])
    plt.close()


def test_one_image_is_shown_too():
    from matplotlib import pyplot as plt
    gb.show_fashion_mnist(nd.ones((1, 28, 28)), ['bag'])
    (ax,) = plt.gcf().axes
    assert ax.get_title() == 'bag' and (ax.images[0].get_array() == np.ones((28, 28))).all()
    plt.close()
