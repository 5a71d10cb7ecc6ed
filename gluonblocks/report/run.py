"""Collect the content of a report: the files in the run folder, and the net's predictions."""
import dataclasses
import math
import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from ..devices import devices_of
from ..files import DamagedFile
from ..models.registry import get_model
from ..models.summary import layer_shapes
from ..runs.config import read_config
from ..runs.data import load_both
from ..runs.load import BEST, FINAL, load_run
from ..runs.provenance import data_checksum
from ..runs.records import TIMES, HistoryRow, TimesRow, read_csv
from ..training.loop import best_epoch
from ..training.metrics import evaluate
from ..training.norm_layers import NormActivation, norm_activations

WORST = 36  # maximum number of mistakes on a page


class Epoch(NamedTuple):
    """One epoch of a run, combining its `HistoryRow` and `TimesRow`; unknown times are NaN."""

    epoch: int
    loss: float
    train_acc: float
    test_acc: float
    learning_rate: float
    seconds: float
    rate: float


class Predictions(NamedTuple):
    """The predictions of a run's net for the test images."""

    weights: str
    matrix: np.ndarray  #: the result of `confusion_matrix`
    mistakes: List[Tuple[np.ndarray, str, str, float]]
    #: (uint8 image, true class, predicted class, probability), sorted by descending probability
    activations: List[NormActivation]  #: of each norm layer, for the first test batch
    same_data: bool  #: True if the run was trained on the same data


@dataclasses.dataclass
class Run:
    """A run's records, to which `examine` adds the predictions and the layers of its net."""

    folder: str
    label: str  #: unique on the page
    config: Dict[str, Any]
    epochs: List[Epoch]
    state: str  #: the progress of the run as text
    predictions: Optional[Predictions] = None
    no_predictions: str = ''  #: the reason why `predictions` is None
    layers: Any = None  #: (a list of `LayerRow` objects, the shape of the input)
    no_layers: str = ''  #: the reason why `layers` is None

    @property
    def best(self):
        """The epoch with the highest test accuracy, or None if no epoch has finished."""
        return self.epochs[best_epoch(self.epochs) - 1] if self.epochs else None

    @property
    def seconds(self):
        """The total time of all epochs in seconds, or NaN if any of the times is unknown."""
        return sum(row.seconds for row in self.epochs) if self.epochs else math.nan


def read_runs(folders):
    """Read each run folder in `folders`; return a list of `Run` objects in the same order.

    Raises ValueError if a folder is not a run folder, a file is damaged, a run occurs twice, or
    `folders` is empty.
    """
    folders = [os.fspath(folder) for folder in folders]
    if not folders:
        raise ValueError('expected the folders of one or more runs, got none')
    real_paths = [os.path.realpath(folder) for folder in folders]
    for folder, path in zip(folders, real_paths):
        if real_paths.count(path) > 1:
            raise ValueError('expected distinct runs, got %s twice: name each run once' % folder)
    labels = [os.path.basename(path) for path in real_paths]
    if len(set(labels)) < len(labels):
        labels = [os.path.normpath(folder) for folder in folders]
    return [_read_run(folder, label) for folder, label in zip(folders, labels)]


def _read_run(folder, label):
    config = read_config(folder)
    history = _read_history(os.path.join(folder, 'history.csv'))
    try:
        times = {row.epoch: row for row in read_csv(TimesRow, os.path.join(folder, TIMES))}
    except (OSError, ValueError):  # nothing else on the page depends on the times
        times = {}
    unknown = (math.nan, math.nan)
    return Run(folder, label, config,
               [Epoch(*row, *times.get(row.epoch, (row.epoch, *unknown))[1:]) for row in history],
               _state(folder, config, len(history)))


def _read_history(path):
    try:
        rows = read_csv(HistoryRow, path)
        for n, row in enumerate(rows, 1):
            if row.epoch != n:
                raise ValueError('%s, line %d: expected epoch %d, found %d'
                                 % (path, n + 1, n, row.epoch))
    except FileNotFoundError:  # no epoch is finished yet
        return []
    except (DamagedFile, ValueError) as error:
        raise ValueError('%s. Resume the run to restore the file from the last checkpoint' % error)
    return rows


def _state(folder, config, done):
    if done >= config['epochs']:
        return 'finished: %d epoch%s' % (done, 's' * (done > 1))
    if config['early_stop'] and os.path.exists(os.path.join(folder, FINAL)):
        return 'stopped early: %d of %d epochs' % (done, config['epochs'])
    return 'not finished: %d of %d epochs' % (done, config['epochs'])


def examine(run, weights='best', ctx=None, data_root=None):
    """Add the net's predictions and layers to a `Run`, or the reasons why they are missing.

    Before the first epoch has finished, there are no best weights, so the last weights are used.
    """
    run.predictions, run.no_predictions = attempt(_predictions_of, run, weights, ctx, data_root)
    run.layers, run.no_layers = attempt(_layers_of, run.config)


def attempt(function, *args):
    """Call `function(*args)`; return (its result, ''), or (None, the error message) if it fails.

    A call may fail, for example, because the data, the weights or a library is missing.
    """
    try:
        return function(*args), ''
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        # MXNet's error messages contain a C++ stack trace, so keep only the last line.
        return None, lines[-1] if isinstance(error, RuntimeError) else ' '.join(lines)


def _predictions_of(run, weights, ctx, data_root):
    devices = devices_of(ctx)
    if weights == 'best' and not os.path.exists(os.path.join(run.folder, BEST)):
        weights = 'last'
    net, config = load_run(run.folder, ctx=devices, weights=weights)
    train_iter, test_iter = load_both(config, data_root)
    X, _ = next(iter(test_iter))
    activations = norm_activations(net, X.as_in_context(devices[0]))
    found, names = evaluate(net, test_iter, devices), config['class_names']
    confidence = found.probabilities.max(axis=1)
    wrong = np.flatnonzero(found.labels != found.classes)
    worst = wrong[np.argsort(-confidence[wrong], kind='stable')][:WORST]
    mistakes = [(test_iter.images[i], names[found.labels[i]], names[found.classes[i]],
                 float(confidence[i])) for i in worst]
    return Predictions(weights, found.matrix(), mistakes, activations,
                       data_checksum(train_iter, test_iter) == config['data_sha256'])


def _layers_of(config):
    side = config['resize']
    shape = (1, config['channels']) + ((side, side) if side else tuple(config['picture_size']))
    net = get_model(config['model'], num_classes=config['num_classes'])
    net.initialize()
    return layer_shapes(net, shape), shape
