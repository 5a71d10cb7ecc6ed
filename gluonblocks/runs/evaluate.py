"""Evaluate a run on the test images of its data set, and classify image files."""
import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from ..checks import check_positive
from ..data.pictures import ImageError, read_image
from ..data.pixels import looks_inverted
from ..devices import devices_of
from ..training.inference import predict_images, top_classes
from ..training.metrics import accuracy_of, class_scores, confusion_matrix
from .data import load_both
from .load import load_run
from .provenance import recall


class Evaluation(NamedTuple):
    """The results of a run on the test images of its data set."""

    config: Dict[str, Any]  #: the run's configuration, as in its config.json
    names: List[str]  #: class names, in the order of `matrix`
    matrix: np.ndarray  #: int array of shape (classes, classes), from `confusion_matrix`


def evaluate_run(folder, ctx=None, weights='best', data_root=None):
    """Evaluate the run in `folder` on the test images of its data set; return an `Evaluation`.

    `ctx` is an mx.Context or a name that `devices_of` accepts; None selects `try_gpu()`. `weights`
    is 'best', 'last' or 'final'. `data_root` is the folder of the data set, by default the one used
    for training. The run's batch size is used.

    Raises the same errors as `load_run`, DataError if data are missing or damaged, and ValueError
    if a folder or device does not exist.
    """
    ctx = devices_of(ctx)
    net, config = load_run(folder, ctx=ctx, weights=weights)
    recall(folder, config, ['dataset'])
    _, test_iter = load_both(config, data_root, only_test=True)
    return Evaluation(config, config['class_names'],
                      confusion_matrix(test_iter, net, ctx, config['num_classes']))


def evaluation_record(evaluation):
    """Convert an `Evaluation` to a JSON-serializable dict."""
    config, names, matrix = evaluation
    return {'model': config['model'], 'dataset': config['dataset'], 'images': int(matrix.sum()),
            'accuracy': accuracy_of(matrix),
            'classes': [score._asdict() for score in class_scores(matrix, names)],
            'confusion': matrix.tolist()}


class Answer(NamedTuple):
    """The prediction for one image file."""

    path: str  #: path of the file, as passed to `predict_files`
    image: Optional[np.ndarray]  #: uint8 array of shape (H, W, ...), from `read_image`
    classes: Optional[List[Tuple[str, float]]]  #: (name, probability), from `top_classes`
    error: Optional[ImageError]  #: why `image` and `classes` are None, or None
    inverted: bool = False  #: True if the image seems to show a dark object on a bright background,
    #: unlike the training images


def predict_files(folder, paths, top=3, invert=False, ctx=None, weights='best'):
    """Classify the image files `paths`, an iterable or a single path, with the run in `folder`.

    Returns one `Answer` per path, in a list. If a file cannot be read, its `Answer` contains the
    error, and the others are still classified. `invert` is passed to `read_image`, and `top` to
    `top_classes`. `ctx` is an mx.Context or a name that `devices_of` accepts; None selects
    `try_gpu()`. `weights` is 'best', 'last' or 'final'.

    Raises the same errors as `load_run`, ValueError if a device does not exist, and ImportError if
    Pillow is not installed.
    """
    check_positive('top', top)
    ctx = devices_of(ctx)
    paths = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    net, config = load_run(folder, ctx=ctx, weights=weights)
    names = config['class_names']
    images, errors = {}, {}
    for path in paths:
        try:
            images[path] = read_image(path, config['picture_size'], invert=invert,
                                      color=config['channels'] == 3)
        except ImageError as error:
            errors[path] = error
    p = dict(zip(images, predict_images(net, list(images.values()), ctx, config['resize'],
                                        config['batch_size']) if images else ()))
    # Warn about inverted images only for the built-in data sets, because a user's training images
    # may have bright backgrounds too.
    checks_background = not invert and ':' not in config['dataset']
    return [Answer(path, None, None, errors[path]) if path in errors else
            Answer(path, images[path], top_classes(p[path], names, top), None,
                   checks_background and looks_inverted(images[path])) for path in paths]
