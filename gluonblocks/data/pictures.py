"""Picture files -> images, grey or colour, all of one size."""
import contextlib

import numpy as np

from ..checks import check_positive
from ..files import DamagedFile, open_file

# What cameras, scanners and browsers write. Pillow reads more, some by starting other programs.
FORMATS = ('PNG', 'JPEG', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM')
MAX_PIXELS = 2 ** 26  # a picture of 8192 x 8192; a small file may unfold to far more
MAX_BYTES = 2 ** 28  # of a file
LARGE = 2 ** 24  # pixels, from which on a picture takes so much memory that few fit at once

_MISSING = """Pillow is not installed, which reads pictures. Install it with
  pip install 'pillow>=10,<14'"""


class ImageError(ValueError):
    """A picture file that cannot be read; the message names it and says why."""


def read_image(path, side=28, invert=False, color=False):
    """The picture in the file `path` as an image of Fashion-MNIST's kind: uint8 (side, side).

    It becomes grey, is scaled to fit into the square without distortion, and centred; the rest of
    the square gets the brightness of the picture's border (the median). Fashion-MNIST shows white
    things on black ground: `invert` turns a picture of a dark thing on bright ground into that.
    Transparent parts count as ground: black, or white with `invert`. A picture that is grey and
    side x side already, with 8 bits, comes as it is; 16 bits are scaled to 8.

    With `color` it is uint8 (side, side, 3), red, green, blue, and the rest gets the border's
    colour; `side` may be a pair, (height, width).

    Formats: PNG, JPEG, BMP, GIF, TIFF, WebP, PPM, of one frame. A picture has at most 2**26
    pixels, and its file 256 MiB. What is larger is refused by its header.

    A damaged file is an error if Pillow can tell. PNG has checksums; in most other formats damage
    may only change the picture, which is then read as it is.

    Raises ImageError, a ValueError, for a file that is missing or no such picture; ImportError
    if Pillow is not installed.
    """
    height, width = side if isinstance(side, (list, tuple)) else (side, side)
    for length in (height, width):
        check_positive('side', length)
    return decode_image(path, height, width, color, invert)


def decode_image(path, height, width, color=False, invert=False, one_large=None):
    """As `read_image`; a context `one_large` is entered while a picture from `LARGE` on is held."""
    with _open_picture(path) as picture:
        width_there, height_there = picture.size
        large = one_large and width_there * height_there >= LARGE
        with one_large if large else contextlib.nullcontext():
            image = _flat(picture, 255 if invert else 0, color)
    return _fit(255 - image if invert else image, height, width)


def describe_image(path):
    """Return (height, width, True if it has colours) of a picture file by its header.

    Raises ImageError as `read_image` does, if the header tells.
    """
    with _open_picture(path) as picture:
        return picture.size[::-1] + (_is_color(picture),)


def looks_inverted(image):
    """Whether `image`, uint8 (H, W), is much brighter at its border than at its centre.

    That is so for a dark thing on bright ground, which `read_image(..., invert=True)` turns round.
    """
    H, W = image.shape[:2]
    centre = image[H // 4:H - H // 4, W // 4:W - W // 4]
    return float(np.median(_border(image))) - float(centre.mean()) > 50


@contextlib.contextmanager
def _open_picture(path):
    """A context with the picture in the file `path`, not decoded yet.

    Raises ImageError for any reason not to read it, also for what goes wrong within the context.
    """
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ImportError(_MISSING) from error
    try:
        with open_file(path, MAX_BYTES) as f:
            picture = Image.open(f, formats=FORMATS)
            if picture.size[0] * picture.size[1] > MAX_PIXELS:
                raise Image.DecompressionBombError
            # Not n_frames, which looks through the whole file. A camera's MPO is a JPEG with
            # previews behind.
            if getattr(picture, 'is_animated', False) and picture.format != 'MPO':
                raise ImageError('%s: it has more than one frame or page; save the one you mean as '
                                 'a file of its own' % path)
            if picture.format == 'PNG':
                picture.verify()  # the checksums, which Pillow skips when it decodes
                f.seek(0)
                picture = Image.open(f, formats=['PNG'])
            with picture:
                yield picture
    except ImageError:
        raise
    except DamagedFile as error:  # not a regular file, or too large
        raise ImageError(str(error))
    except FileNotFoundError:
        raise ImageError('%s: there is no such file' % path)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError('%s: larger than %d pixels, which is the most' % (path, MAX_PIXELS))
    except Image.UnidentifiedImageError:
        raise ImageError('%s: this is no picture in one of the formats %s'
                         % (path, ', '.join(FORMATS)))
    except Exception as error:  # a damaged file makes Pillow raise almost anything
        raise ImageError('%s: cannot be read as a picture: %s'
                         % (path, getattr(error, 'strerror', None) or error
                            or type(error).__name__))


def _is_color(picture):
    """Whether a picture, not decoded yet, can have colours."""
    if picture.mode in ('P', 'PA'):
        colours = np.array(picture.getpalette() or [0] * 3).reshape(-1, 3)
        return bool((colours != colours[:, :1]).any())
    return picture.mode not in ('1', 'L', 'LA', 'La', 'I', 'F') and picture.mode[:2] != 'I;'


def _flat(picture, ground, color):
    """A Pillow picture of any mode as uint8 (H, W), or (H, W, 3) with `color`: upright, and
    transparent parts as `ground`."""
    from PIL import ImageOps
    picture.load()
    flat = _opaque(picture, ground).convert('RGB' if color else 'L')
    flat.getexif()[0x0112] = picture.getexif().get(0x0112, 1)  # Orientation
    ImageOps.exif_transpose(flat, in_place=True)
    return np.array(flat)


def _opaque(picture, ground):
    """A picture of any mode in one that can be made grey or RGB at once."""
    from PIL import Image
    if picture.mode.startswith('I') or picture.mode == 'F':  # 16 bits or more
        values = np.asarray(picture)
        if picture.mode == 'F' or values.min() < 0 or values.max() > 65535:
            raise ValueError('its numbers are not of 8 or 16 bits; save it as a PNG')
        values = (values.astype(np.uint32) + 128) // 257  # rounded: 65535 / 257 = 255
        return Image.fromarray(values.astype(np.uint8))
    if picture.mode in ('LA', 'La', 'PA', 'RGBA', 'RGBa') or 'transparency' in picture.info:
        if picture.mode != 'RGBA':
            picture = picture.convert('RGBA')
        below = Image.new('RGBA', picture.size, (ground, ground, ground, 255))
        picture = Image.alpha_composite(below, picture)
    if picture.mode not in ('1', 'L', 'P', 'RGB', 'RGBA'):
        picture = picture.convert('RGB')
    return picture


def _border(image):
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def _fit(image, height, width):
    """uint8 (H, W) or (H, W, 3) in the middle of uint8 (height, width) or (height, width, 3)."""
    from PIL import Image
    H, W = image.shape[:2]
    # Scaled before it is padded: a line of pixels would be padded to a huge square.
    scale = min((height, H), (width, W), key=lambda pair: pair[0] / pair[1])
    h, w = (max(1, round(scale[0] * n / scale[1])) for n in (H, W))
    whole = np.empty((height, width) + image.shape[2:], np.uint8)
    whole[:] = np.median(_border(image), axis=0).astype(np.uint8)
    # One axis after the other: which comes first in one call depends on Pillow's version.
    for size in ((w, H), (w, h)):
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    y, x = (height - h) // 2, (width - w) // 2
    whole[y:y + h, x:x + w] = image
    return whole
