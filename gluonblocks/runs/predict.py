"""Picture files -> images as a net was trained on -> the names of classes with probabilities."""
import collections
import os
import warnings
from typing import Any, List

import mxnet as mx
import numpy as np
from mxnet import nd
from mxnet.gluon.utils import split_and_load

from ..checks import check_positive
from ..data.batches import BatchLoader, get_class_names
from ..devices import get_ctx, try_gpu
from .load import load_run

# What cameras, scanners and browsers write. Pillow reads more, some by starting other programs.
FORMATS = ('PNG', 'JPEG', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM')
MAX_PIXELS = 2 ** 26  # a picture of 8192 x 8192; a small file may unfold to far more

_MISSING = """Pillow is not installed, which reads pictures. Install it with
  pip install 'pillow>=10,<14'"""


Answer = collections.namedtuple('Answer', 'path image classes error')
Answer.__doc__ = """What became of one picture file: its path, what was read of it, as `read_image`
gives it, and its likeliest classes, as `top_classes` gives them; or None twice and an ImageError
(None if there was none)."""


class ImageError(ValueError):
    """A picture file that cannot be read; the message names it and says why."""


def read_image(path, side=28, invert=False):
    """The picture in the file `path` as an image of Fashion-MNIST's kind: uint8 (side, side).

    It becomes grey, is scaled to fit into the square without distortion, and centred; the rest of
    the square gets the brightness of the picture's border (the median). Fashion-MNIST shows white
    things on black ground: `invert` turns a picture of a dark thing on bright ground into that.
    Transparent parts count as ground: black, or white with `invert`. A picture that is grey and
    side x side already, with 8 bits, comes as it is; 16 bits are scaled to 8.

    Formats: PNG, JPEG, BMP, GIF, TIFF, WebP, PPM, of one frame and at most 2**26 pixels.

    Raises ImageError, a ValueError, for a file that is missing or no such picture; ImportError
    where Pillow is not installed.
    """
    check_positive('side', side)
    try:
        from PIL import Image, ImageFile, ImageOps
    except ModuleNotFoundError as error:
        raise ImportError(_MISSING) from error
    if os.path.isdir(path):
        raise ImageError('%s: this is a folder, not a picture' % path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise ImageError('%s: this is no regular file' % path)
    lenient = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        # Other libraries tell Pillow to make up what a damaged file lacks; GluonCV is one.
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)  # checked below
            with Image.open(path, formats=FORMATS) as picture:
                _check_size(path, picture)
                picture.load()
                grey = _grey(ImageOps.exif_transpose(picture), 255 if invert else 0)
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError('%s: there is no such file' % path)
    except Image.DecompressionBombError:
        raise ImageError('%s: larger than %d pixels, which is the most' % (path, MAX_PIXELS))
    except Image.UnidentifiedImageError:
        raise ImageError('%s: this is no picture in one of the formats %s'
                         % (path, ', '.join(FORMATS)))
    except Exception as error:  # a damaged file makes Pillow raise almost anything
        raise ImageError('%s: cannot be read as a picture: %s'
                         % (path, getattr(error, 'strerror', None) or error
                            or type(error).__name__))
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient
    if invert:
        grey = 255 - grey
    return _fit(Image, grey, side)


def looks_inverted(image):
    """Whether `image`, uint8 (H, W), is much brighter at its border than at its centre.

    That is so for a dark thing on bright ground, which `read_image(..., invert=True)` turns round.
    """
    H, W = image.shape
    centre = image[H // 4:H - H // 4, W // 4:W - W // 4]
    return float(np.median(_border(image))) - float(centre.mean()) > 50


def predict(net, X, ctx=mx.cpu()):
    """The probabilities of the classes: X, (N, C, H, W) -> NumPy (N, num_classes), float32.

    They are the softmax of `net(X)`. `ctx` is a device or a list of devices, which share X.
    """
    devices = [ctx] if isinstance(ctx, mx.Context) else ctx
    parts = [nd.softmax(net(part)) for part in split_and_load(X, devices, even_split=False)]
    return np.concatenate([part.asnumpy() for part in parts])


def predict_images(net, images, ctx=mx.cpu(), resize=None, batch_size=256):
    """As `predict`, for images uint8 (n, H, W), as `read_image` gives them, batch by batch.

    The same loader as in training scales their brightness and resizes them to `resize`.
    """
    images = np.asarray(images, dtype=np.uint8)
    loader = BatchLoader(images, np.zeros(len(images), np.int32), batch_size, resize=resize)
    return np.concatenate([predict(net, X, ctx) for X, _ in loader])


def top_classes(probabilities, names, top=3):
    """The `top` likeliest classes, or all if there are fewer: [(name, probability), ...].

    `probabilities` is (num_classes,), `names` has one for each.
    """
    check_positive('top', top)
    order = np.argsort(-probabilities, kind='stable')[:top]
    return [(names[i], float(probabilities[i])) for i in order]


def predict_files(folder, paths, top=3, invert=False, ctx=None, weights='best'):
    """What the net of the run in `folder` takes the picture files `paths` for: a list of `Answer`s.

    One for each path, in their order; a picture that cannot be read does not keep the others from
    theirs. `invert` is as for `read_image`, `top` as for `top_classes`; `ctx` is an mx.Context or
    a name for `get_ctx` (None: `try_gpu()`); `weights` is 'best', 'last' or 'final'.

    Raises what `load_run` does, ValueError for a device that is not there, ImportError where
    Pillow is not installed.
    """
    check_positive('top', top)
    ctx = try_gpu() if ctx is None else get_ctx(ctx) if isinstance(ctx, str) else ctx
    net, config = load_run(folder, ctx=ctx, weights=weights)
    names = get_class_names(config['dataset'], config['num_classes'])
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


def _check_size(path, picture):
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise ImageError('%s: %d x %d pixels; at most %d are read'
                         % (path, width, height, MAX_PIXELS))
    frames = getattr(picture, 'n_frames', 1)
    if frames > 1 and picture.format != 'MPO':  # a camera's MPO is a JPEG with previews behind
        raise ImageError('%s: it has %d frames or pages; save the one you mean as a file of its '
                         'own' % (path, frames))


def _grey(picture, ground):
    """A Pillow picture of any mode as grey uint8 (H, W), transparent parts as `ground`."""
    from PIL import Image
    if picture.mode.startswith('I') or picture.mode == 'F':  # 16 bits or more
        values = np.asarray(picture).astype('float64')
        if picture.mode == 'F' or values.min() < 0 or values.max() > 65535:
            raise ValueError('its numbers are not of 8 or 16 bits; save it as a PNG')
        return np.rint(values / 257).astype(np.uint8)  # 65535 / 257 = 255
    if picture.mode in ('LA', 'La', 'PA', 'RGBA', 'RGBa') or 'transparency' in picture.info:
        picture = picture.convert('RGBA')
        below = Image.new('RGBA', picture.size, (ground, ground, ground, 255))
        picture = Image.alpha_composite(below, picture)
    if picture.mode not in ('1', 'L', 'P', 'RGB', 'RGBA'):
        picture = picture.convert('RGB')
    return np.array(picture.convert('L'))


def _border(image):
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def _fit(Image, grey, side):
    """Grey uint8 (H, W) in the middle of a square uint8 (side, side)."""
    H, W = grey.shape
    # Scaled before it is padded: a line of pixels would be padded to a huge square.
    height, width = (max(1, round(side * n / max(H, W))) for n in (H, W))
    square = np.full((side, side), np.uint8(np.median(_border(grey))))
    if (H, W) != (height, width):
        picture = Image.fromarray(grey).resize((width, height), Image.BILINEAR)
        grey = np.asarray(picture)
    y, x = (side - height) // 2, (side - width) // 2
    square[y:y + height, x:x + width] = grey
    return square
