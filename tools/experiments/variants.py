"""Every variant of LeNet that the exercises of 5.11 ask for, trained by its recipe."""
from typing import Any, List, NamedTuple

from gluonblocks.models.registry import get_recipe, list_models
from gluonblocks.tables import format_table


class Row(NamedTuple):
    """A model, its trainable parameters, its learning rate, and its `EpochRecord`s."""

    model: str
    parameters: int
    lr: float
    history: List[Any]


def run(settings):
    rows = []
    for model in ['lenet', 'lenet_bn'] + [m for m in list_models('exercises') if m != 'lenet']:
        net, history = settings.train(model, **settings.pick({}, {'epochs': 1}))
        rows.append(Row(model, sum(param.data().size for param in net.collect_params().values()
                                   if param.grad_req != 'null'), get_recipe(model).lr, history))
    return rows


def report(rows):
    heads = ('model', 'parameters', 'learning rate', 'epochs', 'loss', 'train acc', 'test acc',
             'best test acc')
    return format_table([heads] + [
        (row.model, f'{row.parameters:,}', '%g' % row.lr, len(row.history),
         '%.4f' % row.history[-1].loss, '%.3f' % row.history[-1].train_acc,
         '%.3f' % row.history[-1].test_acc, '%.3f' % max(one.test_acc for one in row.history))
        for row in rows])


def draw(figure, rows):
    from gluonblocks.drawing.style import epoch_axis
    left, right = figure.subplots(1, 2)
    for ax, what, title in ((left, 'loss', 'Training loss'), (right, 'test_acc', 'Test accuracy')):
        for i, row in enumerate(rows):
            epochs = [record.epoch for record in row.history]
            ax.plot(epochs, [getattr(record, what) for record in row.history],
                    linestyle='-' if i < 7 else '--', label=row.model, **epoch_axis(ax, epochs))
        ax.set_title(title)
    right.legend(bbox_to_anchor=(1.02, 1), loc='upper left', fontsize=8, handlelength=3.5)
