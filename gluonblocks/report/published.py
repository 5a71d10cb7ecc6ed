"""What others published of the book's code and recipes on Fashion-MNIST, to be compared with."""
from typing import NamedTuple, Tuple

DATASET = 'fashion-mnist'


class Published(NamedTuple):
    """A run of the book's code: `rows` has (epoch, loss, training accuracy, test accuracy)."""

    source: str
    rows: Tuple[Tuple[int, float, float, float], ...]


# Of the runs that are not the book's own only the last epoch was published.
_RUNS = {
    'lenet_bn': [
        Published('the book, 5.11.3', (
            (1, 0.6653, 0.761, 0.806), (2, 0.3917, 0.859, 0.847), (3, 0.3493, 0.874, 0.854),
            (4, 0.3212, 0.884, 0.872), (5, 0.3033, 0.889, 0.861))),
        Published("another run of the book's code", ((5, 0.3079, 0.888, 0.859),))],
    'lenet_bn_gluon': [
        Published("another run of the book's code", ((5, 0.3035, 0.889, 0.883),))],
    'resnet': [
        Published('the book, 5.12, stopped in epoch 3', (
            (1, 0.8086, 0.760, 0.861), (2, 0.3464, 0.872, 0.863)))],
    'densenet': [
        Published("another run of the book's code", ((5, 0.2109, 0.924, 0.889),))],
}


def published_runs(model, dataset):
    """The `Published` runs of a model on a data set, by their names; mostly none."""
    return _RUNS.get(model, []) if dataset == DATASET else []
