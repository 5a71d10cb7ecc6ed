"""Convert a Pillow image to an array: upright, opaque and of the required size.

This file may import only NumPy and Pillow, because exported predict.py files contain its code.
"""
import numpy as np


def upright(picture, background, color):
    """Convert any Pillow image to an upright array: uint8 (H, W), or (H, W, 3) if `color`.
    Transparent pixels get the brightness `background`."""
    from PIL import ImageOps
    picture.load()
    flat = _opaque(picture, background).convert('RGB' if color else 'L')
    flat.info = {}  # keep Pillow from parsing and rewriting EXIF data that may be damaged
    flat.getexif()[0x0112] = picture.getexif().get(0x0112, 1)  # Orientation
    ImageOps.exif_transpose(flat, in_place=True)
    return np.array(flat)


def _opaque(picture, background):
    """Return an opaque version of an image, in a mode that Pillow converts directly to L or RGB."""
    from PIL import Image
    if picture.mode.startswith('I') or picture.mode == 'F':  # 16 bits or more
        values = np.asarray(picture)
        if picture.mode == 'F' or values.min() < 0 or values.max() > 65535:
            raise ValueError('expected 8-bit or 16-bit pixels: save the image as a PNG')
        values = (values.astype(np.uint32) + 128) // 257  # rounded: 65535 / 257 = 255
        return Image.fromarray(values.astype(np.uint8))
    if picture.mode in ('LA', 'La', 'PA', 'RGBA', 'RGBa') or 'transparency' in picture.info:
        if picture.mode != 'RGBA':
            picture = picture.convert('RGBA')
        below = Image.new('RGBA', picture.size, (background,) * 3 + (255,))
        picture = Image.alpha_composite(below, picture)
    if picture.mode not in ('1', 'L', 'P', 'RGB', 'RGBA'):
        picture = picture.convert('RGB')
    return picture


def _border(image):
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def fitted(image, height, width):
    """Scale a uint8 image, (H, W) or (H, W, 3), to fit (height, width), then centre and pad it."""
    from PIL import Image
    H, W = image.shape[:2]
    # Scale before padding, because padding a long, thin image first would need a huge square.
    scale = min((height, H), (width, W), key=lambda pair: pair[0] / pair[1])
    h, w = (max(1, round(scale[0] * n / scale[1])) for n in (H, W))
    framed = np.empty((height, width) + image.shape[2:], np.uint8)
    framed[:] = np.median(_border(image), axis=0).astype(np.uint8)
    # Resize one axis per call. If a call resizes both, the order of the axes, and thus the result,
    # depends on the version of Pillow.
    for size in ((w, H), (w, h)):
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    y, x = (height - h) // 2, (width - w) // 2
    framed[y:y + h, x:x + w] = image
    return framed


def looks_inverted(image):
    """Return True if the border of `image`, uint8 (H, W), is much brighter than its centre.

    Such an image probably shows a dark object on a light background: use `read_image(invert=True)`.
    """
    H, W = image.shape[:2]
    centre = image[H // 4:H - H // 4, W // 4:W - W // 4]
    return float(np.median(_border(image))) - float(centre.mean()) > 50
