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
