"""Picture files -> images, grey or colour, all of one size."""
import contextlib
import os
import threading
import warnings

import numpy as np

from ..checks import check_positive
from ..files import DamagedFile, open_file
from .picture_memory import memory_to_decode

# What cameras, scanners and browsers write. Pillow reads more, some by starting other programs.
FORMATS = ('PNG', 'JPEG', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM')
MAX_PIXELS = 2 ** 26  # a picture of 8192 x 8192; a small file may unfold to far more
MAX_MEMORY = 500 * 10 ** 6  # bytes, of the file and of what is decoded of it together
LARGE = 2 ** 26  # bytes of memory: pictures that take more are decoded one at a time
# Bytes of a file. In a damaged JPEG or GIF Pillow looks for its end byte by byte, for seconds.
MAX_FILE = {'GIF': 2 ** 24, 'JPEG': 2 ** 26, 'WEBP': 2 ** 26}

_one_large = threading.Lock()
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
    pixels, a JPEG or WebP file at most 64 MiB, a GIF 16, and what is decoded takes at most 500 MB
    of memory: photographs of 48 megapixels are read, but WebP ends at about 30, and so do a few
    kinds of TIFF and PPM. What is larger is refused by its header.

    A damaged file is an error where Pillow can tell. PNG has checksums; in most other formats
    damage may only change the picture, which is then read as it is. What Pillow warns of is
    warned of with the file's name.

    Raises ImageError, a ValueError, for a file that is missing or no such picture; ImportError
    where Pillow is not installed.
    """
    height, width = side if isinstance(side, (list, tuple)) else (side, side)
    for length in (height, width):
        check_positive('side', length)
    with pillow_of_ours() as reading, reading(path):
        return decode_image(path, height, width, color, invert)


def decode_image(path, height, width, color=False, invert=False):
    """As `read_image`, within `pillow_of_ours`."""
    ground = 255 if invert else 0
    image = _read(path, lambda picture: _flat(picture, ground, color), color)
    return _fit(255 - image if invert else image, height, width)


def describe_image(path):
    """(height, width, whether it has colours) by the header of a picture file, within
    `pillow_of_ours`. Raises ImageError, as `read_image` does, where the header tells."""
    return _read(path, lambda picture: picture.size[::-1] + (_is_color(picture),), color=True)


def looks_inverted(image):
    """Whether `image`, uint8 (H, W), is much brighter at its border than at its centre.

    That is so for a dark thing on bright ground, which `read_image(..., invert=True)` turns round.
    """
    H, W = image.shape[:2]
    centre = image[H // 4:H - H // 4, W // 4:W - W // 4]
    return float(np.median(_border(image))) - float(centre.mean()) > 50


@contextlib.contextmanager
def pillow_of_ours():
    """Pillow with the settings that reading needs, for every thread, until it ends.

    It gives `reading(path)`, a context within which a thread's warnings of Pillow are of that
    file; they are warned of when all has ended. ImportError where Pillow is not installed.
    """
    try:
        from PIL import Image, ImageFile
    except ModuleNotFoundError as error:
        raise ImportError(_MISSING) from error
    settings = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS
    caught, here = [], threading.local()

    @contextlib.contextmanager
    def reading(path):
        here.path = path
        try:
            yield
        finally:
            here.path = None

    def note(message, category, *_):
        path = getattr(here, 'path', None)
        if path and category is not Image.DecompressionBombWarning:
            caught.append('%s: %s' % (path, ' '.join(str(message).split())))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('always')
            warnings.showwarning = note  # set back with the filters
            # Other libraries tell Pillow to make up what a damaged file lacks; GluonCV is one.
            ImageFile.LOAD_TRUNCATED_IMAGES = False
            Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # a warning; at twice as many an error
            yield reading
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = settings
        for text in dict.fromkeys(caught):
            warnings.warn(text, stacklevel=4)


def _read(path, take, color):
    """`take` of the opened picture in the file `path`; ImageError for any reason not to."""
    from PIL import Image
    try:
        with open_file(path, MAX_MEMORY) as f:
            size = os.fstat(f.fileno()).st_size
            formats = [name for name in FORMATS if size <= MAX_FILE.get(name, MAX_MEMORY)]
            with Image.open(f, formats=formats) as picture:
                large = _check(path, picture, f, color) > LARGE
                with _one_large if large else contextlib.nullcontext():
                    if picture.format == 'PNG':
                        _verify_checksums(f)
                    return take(picture)
    except ImageError:
        raise
    except DamagedFile as error:  # not a regular file, or too large
        raise ImageError(str(error))
    except FileNotFoundError:
        raise ImageError('%s: there is no such file' % path)
    except Image.DecompressionBombError:
        raise ImageError('%s: larger than %d pixels, which is the most' % (path, MAX_PIXELS))
    except Image.UnidentifiedImageError:
        raise ImageError('%s: this is no picture in one of the formats %s%s' % (
            path, ', '.join(formats), '' if len(formats) == len(FORMATS) else
            ', and for the others its %d bytes are too many' % size))
    except Exception as error:  # a damaged file makes Pillow raise almost anything
        raise ImageError('%s: cannot be read as a picture: %s'
                         % (path, getattr(error, 'strerror', None) or error
                            or type(error).__name__))


def _check(path, picture, f, color):
    """ImageError for a picture, not decoded yet, from the open file `f` that is not one to read;
    else the bytes of memory that it takes."""
    needed = memory_to_decode(picture, f) + (3 * picture.size[0] * picture.size[1] if color else 0)
    if needed > MAX_MEMORY:
        raise ImageError('%s: to read its %d x %d pixels takes %d MB of memory, and at most %d are '
                         'taken; save it smaller, or as a JPEG'
                         % ((path,) + picture.size + (needed // 10 ** 6, MAX_MEMORY // 10 ** 6)))
    # Not n_frames, which looks through the whole file.
    if getattr(picture, 'is_animated', False) and picture.format != 'MPO':
        # A camera's MPO is a JPEG with previews behind.
        raise ImageError('%s: it has more than one frame or page; save the one you mean as a file '
                         'of its own' % path)
    return needed


def _verify_checksums(f):
    """An error of Pillow's if a part of a PNG, the open file `f`, is not what was written.

    As it decodes, Pillow stops at the last pixel, and looks at no checksum of the pixels.
    """
    from PIL import Image
    here = f.tell()
    f.seek(0)
    Image.open(f, formats=['PNG']).verify()
    f.seek(here)


def _is_color(picture):
    """Whether a picture, not decoded yet, can have colours."""
    if picture.mode in ('P', 'PA'):
        colours = np.array(picture.getpalette() or [0] * 3).reshape(-1, 3)
        return bool((colours != colours[:, :1]).any())
    return picture.mode not in ('1', 'L', 'LA', 'La', 'I', 'F') and picture.mode[:2] != 'I;'


def _flat(picture, ground, color):
    """A Pillow picture of any mode as uint8 (H, W), or (H, W, 3) with `color`: upright, and
    transparent parts as `ground`."""
    from PIL import Image, ImageOps
    picture.load()
    width, height = picture.size
    mode = 'RGB' if color else 'L'
    flat = Image.new(mode, picture.size)
    # By strips, for most modes are turned into others on the way.
    rows = max(1, 2 ** 20 // width)
    for y in range(0, height, rows):
        strip = picture.crop((0, y, width, min(y + rows, height)))
        flat.paste(_strip(strip, ground).convert(mode), (0, y))
    flat.getexif()[0x0112] = picture.getexif().get(0x0112, 1)  # Orientation
    picture.close()  # and its memory is free
    ImageOps.exif_transpose(flat, in_place=True)
    return np.array(flat)


def _strip(picture, ground):
    """A strip of a picture of any mode in one that can be made grey or RGB at once."""
    from PIL import Image
    if picture.mode.startswith('I') or picture.mode == 'F':  # 16 bits or more
        values = np.asarray(picture).astype('float64')
        if picture.mode == 'F' or values.min() < 0 or values.max() > 65535:
            raise ValueError('its numbers are not of 8 or 16 bits; save it as a PNG')
        return Image.fromarray(np.rint(values / 257).astype(np.uint8))  # 65535 / 257 = 255
    if picture.mode in ('LA', 'La', 'PA', 'RGBA', 'RGBa') or 'transparency' in picture.info:
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
