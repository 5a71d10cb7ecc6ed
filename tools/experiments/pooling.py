"""Average pooling compared with max pooling in the transitions of a DenseNet."""
from gluonblocks.data.fashion_mnist import DEFAULT_ROOT, read_fashion_mnist

from .common import Trained, percent, table

MODELS = ('densenet121', 'densenet121_maxpool')
NUM_TRAIN, SIDE, EPOCHS, SEEDS = 5000, 32, 2, 2


def first_images(root=None):
    """Return the first `NUM_TRAIN` training images of Fashion-MNIST, and all its test images."""
    arrays = read_fashion_mnist(root or DEFAULT_ROOT)
    return tuple(array[:NUM_TRAIN] for array in arrays[:2]) + arrays[2:]


def run(settings):
    rows = []
    for seed in range(settings.seed, settings.seed + settings.pick(SEEDS, 1)):
        for model in MODELS:
            _, history = settings._replace(seed=seed).train(
                model, first_images, resize=SIDE, epochs=settings.pick(EPOCHS, 1))
            rows.append(Trained(model, seed, None, history))
    return rows


def report(rows):
    lines = [(row.model, row.varied, *row.cells('loss'), *row.percents('train_acc', 'test_acc'))
             for row in rows]
    for model in MODELS:
        last = [row.history[-1] for row in rows if row.model == model]
        loss, train_acc, test_acc = (sum(column) / len(last)
                                     for column in list(zip(*last))[1:4])
        lines.append((model, 'mean', '%.4f' % loss, percent(train_acc), percent(test_acc)))
    return table(('model', 'seed', 'loss', 'train acc', 'test acc'), lines)
