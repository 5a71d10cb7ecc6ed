"""Plots for notebooks. Matplotlib is imported only when a plot is drawn."""


def show_fashion_mnist(images, labels):
    """Show `images`, an NDArray (n, 28, 28) or (n, 784), in a row.

    `labels` contains one title per image. Source: D2L, section 3.5.
    """
    from matplotlib import pyplot as plt
    _, axes = plt.subplots(1, len(images), figsize=(12, 12), squeeze=False)
    for ax, image, label in zip(axes[0], images, labels):
        ax.imshow(image.reshape((28, 28)).asnumpy())
        ax.set_title(label)
        ax.get_xaxis().set_visible(False)
        ax.get_yaxis().set_visible(False)
