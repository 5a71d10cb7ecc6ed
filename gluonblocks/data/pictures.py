"""Picture files -> images of Fashion-MNIST's kind."""
import contextlib
import os
import warnings

import numpy as np

from ..checks import check_positive
from ..files import DamagedFile, open_file

# What cameras, scanners and browsers write. Pillow reads more, some by starting other programs.
FORMATS = ('PNG', 'JPEG', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM')
MAX_PIXELS = 2 ** 26  # a picture of 8192 x 8192; a small file may unfold to far more
MAX_MEMORY = 500 * 10 ** 6  # bytes, of the file and of what is decoded of it together
# Bytes of a file. In a damaged JPEG or GIF Pillow looks for its end byte by byte, for seconds.
MAX_FILE = {'GIF': 2 ** 24, 'JPEG': 2 ** 26, 'WEBP': 2 ** 26}

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
    check_positive('side', side)
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ImportError(_MISSING) from error
    with _pillow_of_ours(path):
        grey = _read_grey(path, 255 if invert else 0)
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


@contextlib.contextmanager
def _pillow_of_ours(path):
    """Pillow with the settings that `read_image` needs; its warnings get the name of the file."""
    from PIL import Image, ImageFile
    settings = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS
    caught = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            # Other libraries tell Pillow to make up what a damaged file lacks; GluonCV is one.
            ImageFile.LOAD_TRUNCATED_IMAGES = False
            Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # a warning; at twice as many an error
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = settings
        for text in dict.fromkeys(str(warning.message) for warning in caught
                                  if warning.category is not Image.DecompressionBombWarning):
            warnings.warn('%s: %s' % (path, ' '.join(text.split())), stacklevel=4)


def _read_grey(path, ground):
    """The picture in the file `path` as grey uint8 (H, W); ImageError for any reason not to."""
    from PIL import Image
    try:
        with open_file(path, MAX_MEMORY) as f:
            size = os.fstat(f.fileno()).st_size
            formats = [name for name in FORMATS if size <= MAX_FILE.get(name, MAX_MEMORY)]
            with Image.open(f, formats=formats) as picture:
                _check(path, picture, f)
                return _grey(picture, ground)
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


def _check(path, picture, f):
    """ImageError for a picture, not decoded yet, from the open file `f` that is not one to read."""
    needed = _memory(picture, f)
    if needed > MAX_MEMORY:
        raise ImageError('%s: to read its %d x %d pixels takes %d MB of memory, and at most %d are '
                         'taken; save it smaller, or as a JPEG'
                         % ((path,) + picture.size + (needed // 10 ** 6, MAX_MEMORY // 10 ** 6)))
    # Not n_frames, which looks through the whole file.
    if getattr(picture, 'is_animated', False) and picture.format != 'MPO':
        # A camera's MPO is a JPEG with previews behind.
        raise ImageError('%s: it has more than one frame or page; save the one you mean as a file '
                         'of its own' % path)


def _memory(picture, f):
    """About how many bytes are held at once to decode `picture` from the open file `f`."""
    # As measured of Pillow 10 to 13, for each pixel.
    width, height = picture.size
    decoded = 1 if picture.mode in ('1', 'L', 'P') else 2 if picture.mode[:4] == 'I;16' else 4
    held = os.fstat(f.fileno()).st_size  # parts that are read at once may make up the file
    beside = 1.0  # the grey picture
    if picture.format == 'WEBP':
        beside = 12  # three of RGBA: two within libwebp, and what it hands over
    elif picture.format in ('JPEG', 'MPO'):
        beside = max(beside, _coefficients(picture, f))
    elif picture.format == 'GIF':
        beside = 5  # and what is behind the frame
    elif picture.format == 'TIFF':
        tags = picture.tag_v2
        if picture.tile[0][0] != 'libtiff':  # Pillow itself reads up to where the next strip is
            begins = sorted(tile[2] for tile in picture.tile)
            held = 2 * max([b - a for a, b in zip(begins, begins[1:])], default=0)
        else:  # decodes a tile or strip at once
            block = (tags[322] * tags[323] if 322 in tags and 323 in tags  # TileWidth, TileLength
                     else width * min(tags.get(278, height), height))  # RowsPerStrip
            held += block * max(sum(tags.get(258, (1,))), 32) // 8  # BitsPerSample
        if tags.get(274, 1) != 1:  # Orientation, which Pillow sees to as it decodes
            beside = decoded
    else:
        if picture.format != 'PNG':
            held = 0
        if picture.tile[0][0] in ('bmp_rle', 'ppm', 'ppm_plain'):  # decoded in Python, and copied
            beside = 3.2 * len(picture.getbands()) * (4 if picture.mode == 'I' else 1)
    return held + int(width * height * (decoded + beside)) + 64 * (width + height)


def _coefficients(picture, f):
    """Bytes for each pixel of a JPEG that are held until its last scan; 0 if it has one scan."""
    # The file has been read up to the pixels. Just before them, the header of a scan tells how
    # many components are in it.
    layers = picture.layer
    header = bytes([0, 6 + 2 * len(layers), len(layers)])
    here = f.tell()
    f.seek(max(0, here - len(header) - 2 * len(layers) - 3))
    has_all = f.read(len(header)) == header
    f.seek(here)
    if has_all and 'progressive' not in picture.info:
        return 0
    largest = max(h for _, h, _, _ in layers) * max(v for _, _, v, _ in layers)
    return 2 * sum(h * v for _, h, v, _ in layers) / max(largest, 1)


def _grey(picture, ground):
    """A Pillow picture of any mode as grey uint8 (H, W), upright, transparent parts as `ground`."""
    from PIL import Image, ImageOps
    picture.load()
    width, height = picture.size
    grey = Image.new('L', picture.size)
    # By strips, for most modes are turned into others on the way.
    rows = max(1, 2 ** 20 // width)
    for y in range(0, height, rows):
        strip = picture.crop((0, y, width, min(y + rows, height)))
        grey.paste(_grey_strip(strip, ground), (0, y))
    grey.getexif()[0x0112] = picture.getexif().get(0x0112, 1)  # Orientation
    picture.close()  # and its memory is free
    ImageOps.exif_transpose(grey, in_place=True)
    return np.array(grey)


def _grey_strip(picture, ground):
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
    return picture.convert('L')


def _border(image):
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def _fit(Image, grey, side):
    """Grey uint8 (H, W) in the middle of a square uint8 (side, side)."""
    H, W = grey.shape
    # Scaled before it is padded: a line of pixels would be padded to a huge square.
    height, width = (max(1, round(side * n / max(H, W))) for n in (H, W))
    square = np.full((side, side), np.uint8(np.median(_border(grey))))
    if (H, W) != (height, width):
        # Along one axis and then the other: which comes first differs between versions of Pillow.
        picture = Image.fromarray(grey).resize((width, H), Image.BILINEAR)
        grey = np.asarray(picture.resize((width, height), Image.BILINEAR))
    y, x = (side - height) // 2, (side - width) // 2
    square[y:y + height, x:x + width] = grey
    return square
