"""Files of pictures for tests, and the images in them."""
import os

import numpy as np
from PIL import Image

RNG = np.random.RandomState(5)
IMAGES = RNG.randint(0, 256, (6, 28, 28)).astype(np.uint8)
A = IMAGES[0]


def saved(folder, picture, name='a.png', **kwargs):
    """The path of a file in `folder` that holds `picture`, an array or of Pillow."""
    path = str(folder / name)
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(path, **kwargs)
    return path


def cut(folder, name='cut.png'):
    """The path of a file in `folder` that holds the first half of a picture."""
    path = saved(folder, A, name)
    os.truncate(path, os.path.getsize(path) // 2)
    return path


def random_image(height, width, channels, seed):
    """Return a random Pillow image with shapes in it."""
    rng = np.random.RandomState(seed)
    coarse = rng.randint(0, 256, (5, 5, channels)).astype(np.uint8)
    image = np.stack([np.asarray(Image.fromarray(coarse[..., c]).resize((width, height)))
                      for c in range(channels)], axis=-1) + rng.randint(
                          -20, 21, (height, width, channels))
    return Image.fromarray(np.clip(image, 0, 255).astype(np.uint8).squeeze())
