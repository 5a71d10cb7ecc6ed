"""Picture files -> images of Fashion-MNIST's kind."""
import os
import warnings

import numpy as np

from ..checks import check_positive

# What cameras, scanners and browsers write. Pillow reads more, some by starting other programs.
FORMATS = ('PNG', 'JPEG', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM')
MAX_PIXELS = 2 ** 26  # a picture of 8192 x 8192; a small file may unfold to far more

_MISSING = """Pillow is not installed, which reads pictures. Install it with
  pip install 'pillow>=10,<14'"""


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
