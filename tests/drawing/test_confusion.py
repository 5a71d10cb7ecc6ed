"""The confusion matrix as a picture."""
import numpy as np
from PIL import Image

import gluonblocks as gb

NAMES = ['bag', 'coat', 'dress']
MATRIX = np.array([[6, 1, 1], [0, 2, 3], [0, 0, 0]])


def test_the_picture_is_a_png_that_replaces_the_one_before(tmp_path):
    path = tmp_path / 'confusion.png'
    path.write_text('the one before')
    gb.drawing.plot_confusion(MATRIX, NAMES, str(path))
    with Image.open(str(path)) as picture:
        assert picture.format == 'PNG' and min(picture.size) > 200
    assert [f.name for f in tmp_path.iterdir()] == ['confusion.png']
