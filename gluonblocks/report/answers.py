"""What the net of a run answers for the test images: how often right, and where most wrongly."""
from typing import Any, List, NamedTuple, Optional

import numpy as np

from ..devices import devices_of
from ..models.registry import get_model
from ..models.summary import LayerRow, layer_shapes
from ..runs.data import load_both
from ..runs.load import load_run
from ..runs.provenance import data_checksum
from ..training.activations import NormActivation, norm_activations
from ..training.metrics import evaluate

WORST = 36


class Mistake(NamedTuple):
    """A test image that the net took for another class, as sure as `probability`, from 0 to 1."""

    image: np.ndarray  #: uint8, as in the data set
    truth: str
    answer: str
    probability: float


class Answers(NamedTuple):
    """What came of the test images. Rows of `matrix` are the true classes, as in evaluation."""

    weights: str
    names: List[str]
    matrix: np.ndarray
    mistakes: List[Mistake]  #: the worst first
    activations: List[NormActivation]  #: of the first batch
    same_data: bool  #: whether these data are those of the training


# What there is to tell where the data, a model's library or the weights are not here.
MISSING = (ImportError, OSError, ValueError, RuntimeError)


def answers_of(view, weights='best', ctx=None, data_root=None):
    """The `Answers` of a run, a `RunView`, by its `weights`; it raises as `evaluate_run` does.

    Before its first epoch is done a run has no best weights: then its last are used.
    """
    devices = devices_of(ctx)
    if weights == 'best' and not view.has_best:
        weights = 'last'
    net, config = load_run(view.folder, ctx=devices, weights=weights)
    train_iter, test_iter = load_both(config, data_root)
    names = config['class_names']
    X, _ = next(iter(test_iter))
    activations = norm_activations(net, X.as_in_context(devices[0]))
    answers = evaluate(net, test_iter, devices)
    truth, guess = answers.labels, answers.classes
    sure = answers.probabilities[range(len(guess)), guess]
    wrong = np.flatnonzero(truth != guess)
    worst = wrong[np.argsort(-sure[wrong], kind='stable')][:WORST]
    return Answers(weights, names, answers.matrix(),
                   [Mistake(test_iter.images[i], names[truth[i]], names[guess[i]], float(sure[i]))
                    for i in worst], activations,
                   data_checksum(train_iter, test_iter) == config['data_sha256'])


def layers_of(config):
    """(the `LayerRow`s of a run's model on one of its images, that image's shape)."""
    side = config['resize']
    shape = (1, config['channels']) + ((side, side) if side else tuple(config['picture_size']))
    net = get_model(config['model'], num_classes=config['num_classes'])
    net.initialize()
    return layer_shapes(net, shape), shape


class Findings(NamedTuple):
    """All that a page tells of a run that needs its net: None, with the reason, where not."""

    answers: Optional[Answers]
    no_answers: str
    layers: Optional[List[LayerRow]]
    shape: Any
    no_layers: str


def findings_of(view, **how):
    """The `Findings` of a run; `how` is for `answers_of`. What is not here is told, not raised."""
    answers = layers = shape = None
    no_answers = no_layers = ''
    try:
        answers = answers_of(view, **how)
    except MISSING as error:
        no_answers = _reason(error)
    try:
        layers, shape = layers_of(view.config)
    except MISSING as error:
        no_layers = _reason(error)
    return Findings(answers, no_answers, layers, shape, no_layers)


def _reason(error):
    # MXNet's own errors bring their C++ trace: the last line counts.
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1] if isinstance(error, RuntimeError) else ' '.join(lines)
