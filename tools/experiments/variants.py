"""The variants of LeNet from the exercises in D2L 5.11, each trained with its own recipe."""
from gluonblocks.models.registry import get_recipe, list_models

from .common import Panel, Trained, table


def run(settings):
    rows = []
    for model in ['lenet', 'lenet_bn'] + [m for m in list_models('exercises') if m != 'lenet']:
        net, history = settings.train(model, **settings.pick({}, {'epochs': 1}))
        parameters = sum(param.data().size for param in net.collect_params().values()
                         if param.grad_req != 'null')
        rows.append(Trained(model, parameters, get_recipe(model).lr, history))
    return rows


def report(rows):
    heads = ('model', 'parameters', 'learning rate', 'epochs', 'loss', 'train acc', 'test acc',
             'best test acc')
    return table(heads, [
        (row.model, f'{row.varied:,}', '%g' % row.lr, len(row.history),
         *row.cells('loss', 'train_acc', 'test_acc'),
         '%.3f' % max(record.test_acc for record in row.history)) for row in rows])


def panels(rows):
    for title, metric in (('Training loss', 'loss'), ('Test accuracy', 'test_acc')):
        yield Panel(title, {row.model: [(record.epoch, getattr(record, metric))
                                        for record in row.history] for row in rows},
                    'epoch', title.lower())
