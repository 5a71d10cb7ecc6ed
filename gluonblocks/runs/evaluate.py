"""A run on the test images of its data set, in numbers."""
from typing import Any, Dict, List, NamedTuple

import numpy as np

from ..devices import devices_of
from ..training.metrics import accuracy_of, class_scores, confusion_matrix
from .data import load_test_data
from .load import load_run
from .sources import recall


class Evaluation(NamedTuple):
    """A run on the test images of its data set."""

    config: Dict[str, Any]  #: the run's configuration, as in its config.json
    names: List[str]  #: of the classes, in the order of `matrix`
    matrix: np.ndarray  #: int (classes, classes), as `confusion_matrix` gives it


def evaluate_run(folder, ctx=None, weights='best', data_root=None):
    """The `Evaluation` of the run in `folder` on the test images of its data set.

    `ctx` is an mx.Context or a name for `get_ctx` (None: `try_gpu()`); `weights` is 'best', 'last'
    or 'final'; `data_root` is the folder of the data, where it is not the one that the run was
    trained on. Batches are those of the run's own evaluation, of the same size.

    Raises what `load_run` does, DataError for data that are missing or damaged, and ValueError
    for a device that is not there.
    """
    ctx = devices_of(ctx)
    net, config = load_run(folder, ctx=ctx, weights=weights)
    recall(folder, config, ['dataset'])
    test_iter, names = load_test_data(config, data_root), config['class_names']
    return Evaluation(config, names,
                      confusion_matrix(test_iter, net, ctx, config['num_classes']))


def evaluation_record(evaluation):
    """An `Evaluation` as a dict of numbers, strings and lists, for JSON."""
    config, names, matrix = evaluation
    return {'model': config['model'], 'dataset': config['dataset'], 'images': int(matrix.sum()),
            'accuracy': accuracy_of(matrix),
            'classes': [score._asdict() for score in class_scores(matrix, names)],
            'confusion': matrix.tolist()}
