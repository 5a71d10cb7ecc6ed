"""A run as its page shows it: the files of its folder, and its net on the test images."""
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

WORST = 36  # mistakes


class Epoch(NamedTuple):
    """A `HistoryRow` with its `TimesRow`, whose values are NaN if they are unknown."""

    epoch: int
    loss: float
    train_acc: float
    test_acc: float
    learning_rate: float
    seconds: float
    rate: float


class Answers(NamedTuple):
    """What a run's net predicts for the test images."""

    weights: str
    matrix: np.ndarray  #: the confusion matrix, as by `confusion_matrix`
    mistakes: List[Tuple[np.ndarray, str, str, float]]
    #: (uint8 image, true class, predicted class, its probability), the highest first
    activations: List[NormActivation]  #: of the first batch
    same_data: bool  #: True if these are the data of the training


@dataclasses.dataclass
class Run:
    """A run's records, and, after `examine`, what its net says."""

    folder: str
    label: str  #: tells it from the other runs of the page
    config: Dict[str, Any]
    epochs: List[Epoch]
    state: str  #: its progress, in words
    answers: Optional[Answers] = None
    no_answers: str = ''  #: the reason
    layers: Any = None  #: (a `LayerRow` for each layer, the shape of the input)
    no_layers: str = ''

    @property
    def best(self):
        """The epoch of the highest test accuracy; None before the first is done."""
        return self.epochs[best_epoch(self.epochs) - 1] if self.epochs else None

    @property
    def seconds(self):
        """The time of all epochs; NaN if one is unknown."""
        return sum(row.seconds for row in self.epochs) if self.epochs else math.nan


def read_runs(folders):
    """Return a `Run` for each of `folders`, in their order.

    Raises ValueError for a folder that is not a run, for damaged files, if a run is named twice
    and if none is named.
    """
    folders = [os.fspath(folder) for folder in folders]
    if not folders:
        raise ValueError('no run is named, but a report is of one or more: name the folders of '
                         'runs')
    places = [os.path.realpath(folder) for folder in folders]
    for folder, place in zip(folders, places):
        if places.count(place) > 1:
            raise ValueError('%s is named twice, but a report shows a run once: name it once'
                             % folder)
    labels = [os.path.basename(place) for place in places]
    if len(set(labels)) < len(labels):
        labels = [os.path.normpath(folder) for folder in folders]
    return [_read_run(folder, label) for folder, label in zip(folders, labels)]


def _read_run(folder, label):
    config = read_config(folder)
    history = _read_history(os.path.join(folder, 'history.csv'))
    try:
        times = {row.epoch: row for row in read_csv(TimesRow, os.path.join(folder, TIMES))}
    except (OSError, ValueError):  # nothing else depends on the clock
        times = {}
    unknown = (math.nan, math.nan)
    return Run(folder, label, config,
               [Epoch(*row, *times.get(row.epoch, (row.epoch, *unknown))[1:]) for row in history],
               _state(folder, config, len(history)))


def _read_history(path):
    try:
        rows = read_csv(HistoryRow, path)
        if [row.epoch for row in rows] != list(range(1, len(rows) + 1)):
            raise ValueError('%s: its epochs are not 1, 2, 3 and so on' % path)
    except FileNotFoundError:  # before the first epoch is done
        return []
    except (DamagedFile, ValueError) as error:
        raise ValueError('%s. Resume the run, which writes the file again from its last checkpoint'
                         % error)
    return rows


def _state(folder, config, done):
    if done >= config['epochs']:
        return 'all %d epochs done' % done if done > 1 else 'its one epoch done'
    if config['early_stop'] and os.path.exists(os.path.join(folder, FINAL)):
        return 'stopped early, after %d of %d epochs' % (done, config['epochs'])
    return 'not finished: %d of %d epochs done' % (done, config['epochs'])


def examine(run, weights='best', ctx=None, data_root=None):
    """Add to a `Run` the answers and the layers of its net, or the reasons why they are missing.

    A run has no best weights before its first epoch is done: then its last are used.
    """
    run.answers, run.no_answers = attempt(_answers_of, run, weights, ctx, data_root)
    run.layers, run.no_layers = attempt(_layers_of, run.config)


def attempt(function, *args):
    """Return (the function's result, ''), or (None, why data, weights or libraries are missing).
    """
    try:
        return function(*args), ''
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        # MXNet's own errors bring their C++ trace: the last line counts.
        return None, lines[-1] if isinstance(error, RuntimeError) else ' '.join(lines)


def _answers_of(run, weights, ctx, data_root):
    devices = devices_of(ctx)
    if weights == 'best' and not os.path.exists(os.path.join(run.folder, BEST)):
        weights = 'last'
    net, config = load_run(run.folder, ctx=devices, weights=weights)
    train_iter, test_iter = load_both(config, data_root)
    X, _ = next(iter(test_iter))
    activations = norm_activations(net, X.as_in_context(devices[0]))
    found, names = evaluate(net, test_iter, devices), config['class_names']
    sure = found.probabilities.max(axis=1)
    wrong = np.flatnonzero(found.labels != found.classes)
    worst = wrong[np.argsort(-sure[wrong], kind='stable')][:WORST]
    mistakes = [(test_iter.images[i], names[found.labels[i]], names[found.classes[i]],
                 float(sure[i])) for i in worst]
    return Answers(weights, found.matrix(), mistakes, activations,
                   data_checksum(train_iter, test_iter) == config['data_sha256'])


def _layers_of(config):
    side = config['resize']
    shape = (1, config['channels']) + ((side, side) if side else tuple(config['picture_size']))
    net = get_model(config['model'], num_classes=config['num_classes'])
    net.initialize()
    return layer_shapes(net, shape), shape
