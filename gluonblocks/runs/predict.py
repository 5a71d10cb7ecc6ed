"""What the net of a run takes picture files for."""
from typing import List, NamedTuple, Optional, Tuple

import numpy as np

from ..checks import check_positive
from ..data.pictures import ImageError, looks_inverted, read_image
from ..devices import devices_of
from ..training.inference import predict_images, top_classes
from .load import load_run


class Answer(NamedTuple):
    """What became of one picture file."""

    path: str  #: the file, as it was named
    image: Optional[np.ndarray]  #: what was read, as `read_image` gives it: uint8 (H, W, ...)
    classes: Optional[List[Tuple[str, float]]]  #: the likeliest, as `top_classes` gives them
    error: Optional[ImageError]  #: why there is no image, and so no classes
    inverted: bool = False  #: whether it shows a dark thing on bright ground, and nets of this kind
    #: of data set, of bright things on black ground, did not see such


def predict_files(folder, paths, top=3, invert=False, ctx=None, weights='best'):
    """What the net of the run in `folder` takes the picture files `paths` for: a list of `Answer`.

    One for each path, in their order; a picture that cannot be read does not keep the others from
    theirs. `invert` is as for `read_image`, `top` as for `top_classes`; `ctx` is an mx.Context or
    a name for `get_ctx` (None: `try_gpu()`); `weights` is 'best', 'last' or 'final'.

    Raises what `load_run` does, ValueError for a device that is not there, ImportError where
    Pillow is not installed.
    """
    check_positive('top', top)
    ctx = devices_of(ctx)
    net, config = load_run(folder, ctx=ctx, weights=weights)
    names = config['class_names']
    answers = [_read(path, invert, config) for path in paths]
    images = [answer.image for answer in answers if answer.error is None]
    p = iter(predict_images(net, images, ctx, config['resize'], config['batch_size'])
             if images else ())
    return [answer if answer.error else answer._replace(classes=top_classes(next(p), names, top))
            for answer in answers]


def _read(path, invert, config):
    """The `Answer` for a picture file before the net has seen it: without classes."""
    image = error = None
    try:
        image = read_image(path, config['picture_size'], invert=invert,
                           color=config['channels'] == 3)
    except ImageError as why:
        error = why
    # What ground the pictures of others have is not known.
    inverted = error is None and not invert and ':' not in config['dataset'] and (
        looks_inverted(image))
    return Answer(path, image, None, error, inverted)
