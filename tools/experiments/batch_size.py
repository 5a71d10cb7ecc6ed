"""The effect of the batch size on batch normalization."""
from gluonblocks.models.registry import get_recipe

from .common import Panel, Trained, table

MODELS = ('lenet', 'lenet_bn', 'lenet_bn_conv')
SIZES = (1, 2, 8, 64, 256)
EPOCHS = 2


def run(settings):
    rows = []
    for size in settings.pick(SIZES, (2, 64)):
        for model in MODELS:
            recipe = get_recipe(model)
            # Scale the learning rate with the batch size: smaller batches mean more steps per
            # epoch, so each step must be smaller for the weights to move equally far in total.
            lr = recipe.lr * size / recipe.batch_size
            _, history = settings.train(model, batch_size=size, lr=lr,
                                        epochs=settings.pick(EPOCHS, 1))
            rows.append(Trained(model, size, lr, history))
    return rows


def report(rows):
    heads = ('batch size', 'model', 'learning rate', 'loss', 'train acc', 'test acc')
    return table(heads, [(row.varied, row.model, '%.4g' % row.lr, *row.cells('loss'),
                          *row.percents('train_acc', 'test_acc')) for row in rows], left=(1,))


def panels(rows):
    for title, metric in (("Training: the batch's statistics", 'train_acc'),
                          ('Test: the moving averages', 'test_acc')):
        yield Panel(title, {model: [(row.varied, 100 * getattr(row.history[-1], metric))
                                    for row in rows if row.model == model] for model in MODELS},
                    'batch size', 'accuracy, %', base=2)
