"""Read image files of any size as greyscale or colour arrays of a fixed size."""
import contextlib
import io

import numpy as np

from ..checks import check_positive
from ..files import DamagedFile, read_file
from .pixels import fitted, upright

# Accept only these formats: Pillow runs external programs to read some of the others.
FORMATS = ('PNG', 'JPEG', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM')
MAX_PIXELS = 2 ** 26  # 8192 x 8192; without a limit, a small file could fill the memory
MAX_BYTES = 2 ** 28  # limit on the size of a file

_MISSING = """Pillow, which reads images, is not installed. Install it with
  pip install 'pillow>=10,<14'"""


class ImageError(ValueError):
    """Raised if an image file cannot be read; the message gives the path and the reason."""


def read_image(path, side=28, invert=False, color=False):
    """Convert an image file to a greyscale array, uint8 (side, side), as in Fashion-MNIST.

    The image is scaled to fit into the square without distortion, and centred; the rest of the
    square is filled with the median brightness of the image's border. Fashion-MNIST shows light
    objects on a black background: set `invert` for an image of a dark object on a light background.
    Transparent pixels become black, with or without `invert`. An 8-bit greyscale image of
    side x side pixels is returned unchanged; 16-bit images are scaled to 8 bits.

    With `color`, the result is uint8 (side, side, 3), in the order red, green, blue, and the rest
    is filled with the border's colour. `side` may be a pair, (height, width).

    Formats: PNG, JPEG, BMP, GIF, TIFF, WebP and PPM, with a single frame. Images of more than 2**26
    pixels and files of more than 256 MiB are rejected without being decoded.

    A damaged file raises an error if Pillow detects the damage. PNG has checksums; in most other
    formats, damage may go unnoticed and only change some pixels.

    Raises ImageError, a ValueError, if the file is missing or cannot be read as an image, and
    ImportError if Pillow is not installed.
    """
    height, width = side if isinstance(side, (list, tuple)) else (side, side)
    for length in (height, width):
        check_positive('side', length)
    with _open_picture(path) as picture:
        image = upright(picture, 255 if invert else 0, color)
    return fitted(255 - image if invert else image, height, width)


def describe_image(path, largest):
    """Return (height, width, may_be_color) of an image file.

    If no side is longer than `largest` pixels, the image is decoded, and the size is that of the
    upright image. Otherwise, the size is read from the header. Raises the same errors as
    `read_image`.
    """
    with _open_picture(path) as picture:
        size, color = picture.size[::-1], _is_color(picture)
        return (upright(picture, 0, color).shape[:2] if max(size) <= largest else size) + (color,)


@contextlib.contextmanager
def _open_picture(path):
    """Open the image file `path` as a context manager, without decoding it.

    Raises ImageError if the file cannot be read, or if decoding fails in the `with` block.
    """
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ImportError(_MISSING) from error
    try:
        with io.BytesIO(read_file(path, MAX_BYTES)) as f:
            picture = Image.open(f, formats=FORMATS)
            if picture.size[0] * picture.size[1] > MAX_PIXELS:
                raise Image.DecompressionBombError
            # Use is_animated, because n_frames would read the complete file. Accept MPO files
            # from cameras, because their first frame is the photo and the others are previews.
            if getattr(picture, 'is_animated', False) and picture.format != 'MPO':
                raise ImageError('%s: expected a single frame or page, found more: save the one '
                                 'you need as a separate file' % path)
            if picture.format == 'PNG':
                picture.verify()  # checks the checksums, which Pillow ignores when it decodes
                f.seek(0)
                picture = Image.open(f, formats=['PNG'])
            with picture:
                yield picture
    except ImageError:
        raise
    except DamagedFile as error:  # not a regular file, or too large
        raise ImageError(str(error))
    except FileNotFoundError:
        raise ImageError('%s: no such file' % path)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError('%s: expected at most %d pixels, found more' % (path, MAX_PIXELS))
    except Image.UnidentifiedImageError:
        raise ImageError('%s: expected an image in one of the formats %s'
                         % (path, ', '.join(FORMATS)))
    except Exception as error:  # a damaged file makes Pillow raise almost anything
        raise ImageError('%s: cannot be read as an image: %s' % (
            path, getattr(error, 'strerror', None) or error or type(error).__name__))


def _is_color(picture):
    """Return True if a Pillow image may be in colour. The image need not be decoded."""
    if picture.mode in ('P', 'PA'):
        colours = np.array(picture.getpalette() or [0] * 3).reshape(-1, 3)
        return bool((colours != colours[:, :1]).any())
    return picture.mode not in ('1', 'L', 'LA', 'La', 'I', 'F') and picture.mode[:2] != 'I;'
