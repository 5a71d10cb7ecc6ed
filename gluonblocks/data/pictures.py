"""Picture files -> images, grey or colour, all of one size."""
import contextlib
import io

import numpy as np

from ..checks import check_positive
from ..files import DamagedFile, read_file
from .pixels import fitted, upright

# What cameras, scanners and browsers write. Pillow reads more, some by starting other programs.
FORMATS = ('PNG', 'JPEG', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM')
MAX_PIXELS = 2 ** 26  # a picture of 8192 x 8192; a small file may unfold to far more
MAX_BYTES = 2 ** 28  # of a file

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
    with _open_picture(path) as picture:
        image = upright(picture, 255 if invert else 0, color)
    return fitted(255 - image if invert else image, height, width)


def describe_image(path):
    """Return (height, width, True if it has colours) of a picture file by its header.

    Raises ImageError as `read_image` does, if the header tells.
    """
    with _open_picture(path) as picture:
        return picture.size[::-1] + (_is_color(picture),)


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
        with io.BytesIO(read_file(path, MAX_BYTES)) as f:
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
        raise ImageError('%s: cannot be read as a picture: %s' % (
            path, getattr(error, 'strerror', None) or error or type(error).__name__))


def _is_color(picture):
    """Whether a picture, not decoded yet, can have colours."""
    if picture.mode in ('P', 'PA'):
        colours = np.array(picture.getpalette() or [0] * 3).reshape(-1, 3)
        return bool((colours != colours[:, :1]).any())
    return picture.mode not in ('1', 'L', 'LA', 'La', 'I', 'F') and picture.mode[:2] != 'I;'
