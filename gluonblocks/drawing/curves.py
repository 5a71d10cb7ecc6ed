"""A run's curves as a picture. Needs matplotlib, which is imported where it is used."""
import io


def draw_curves(rows):
    """The bytes of a PNG: loss and accuracies of `rows`, each a `HistoryRow`, over the epochs.

    The same rows give the same bytes. Raises ImportError without matplotlib.
    """
    # Not pyplot, nor GluonCV's TrainingHistory, which draws by it: that adds to a figure that a
    # notebook may be using, and puts a loss and a share on one axis.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    figure = Figure(figsize=(8, 3.2), dpi=120)
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    epochs = [row.epoch for row in rows]
    dots = {'marker': 'o', 'markersize': 3}
    left.plot(epochs, [row.loss for row in rows], label='training loss', **dots)
    right.plot(epochs, [row.train_acc for row in rows], label='training accuracy', **dots)
    right.plot(epochs, [row.test_acc for row in rows], label='test accuracy', **dots)
    for axes, corner in ((left, 'upper right'), (right, 'lower right')):
        axes.set_xlabel('epoch')
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend(loc=corner)
    figure.tight_layout()
    picture = io.BytesIO()
    figure.savefig(picture, format='png')
    return picture.getvalue()
