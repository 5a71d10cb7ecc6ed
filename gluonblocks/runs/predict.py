"""What the net of a run takes picture files for."""
import collections
from typing import Any, List

from ..checks import check_positive
from ..data.datasets import get_dataset
from ..data.pictures import ImageError, read_image
from ..devices import devices_of
from ..training.inference import predict_images, top_classes
from .load import load_run

Answer = collections.namedtuple('Answer', 'path image classes error')
Answer.__doc__ = """What became of one picture file: its path, what was read of it, as `read_image`
gives it, and its likeliest classes, as `top_classes` gives them; or None twice and an ImageError
(None if there was none)."""


def predict_files(folder, paths, top=3, invert=False, ctx=None, weights='best'):
    """What the net of the run in `folder` takes the picture files `paths` for: a list of `Answer`s.

    One for each path, in their order; a picture that cannot be read does not keep the others from
    theirs. `invert` is as for `read_image`, `top` as for `top_classes`; `ctx` is an mx.Context or
    a name for `get_ctx` (None: `try_gpu()`); `weights` is 'best', 'last' or 'final'.

    Raises what `load_run` does, ValueError for a device that is not there, ImportError where
    Pillow is not installed.
    """
    check_positive('top', top)
    ctx = devices_of(ctx)
    net, config = load_run(folder, ctx=ctx, weights=weights)
    names = get_dataset(config['dataset']).class_names
    read: List[Any] = []
    for path in paths:
        try:
            read.append((read_image(path, invert=invert), None))
        except ImageError as error:
            read.append((None, error))
    images = [image for image, _ in read if image is not None]
    answers = iter(predict_images(net, images, ctx, config['resize'], config['batch_size'])
                   if images else ())
    return [Answer(path, image, None if error else top_classes(next(answers), names, top), error)
            for path, (image, error) in zip(paths, read)]
