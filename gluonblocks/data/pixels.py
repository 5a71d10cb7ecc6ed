"""A picture of Pillow -> an array, upright, opaque, in a frame.

It needs NumPy and Pillow alone: the predict.py of an export has the text of these functions in it.
"""
import numpy as np


def upright(picture, ground, color):
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


def fitted(image, height, width):
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


def looks_inverted(image):
    """Return True if `image`, uint8 (H, W), is much brighter at its border than at its centre.

    That is so for a dark thing on bright ground, which `read_image(..., invert=True)` turns round.
    """
    H, W = image.shape[:2]
    centre = image[H // 4:H - H // 4, W // 4:W - W // 4]
    return float(np.median(_border(image))) - float(centre.mean()) > 50
