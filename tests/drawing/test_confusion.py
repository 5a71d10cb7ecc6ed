"""The picture of a confusion matrix."""
import numpy as np
import pytest
from matplotlib import figure
from PIL import Image

from gluonblocks.drawing.confusion import plot_confusion

NAMES = ['bag', 'coat', 'dress']
#                   taken for: bag, coat, dress
MATRIX = np.array([[6, 1, 1], [0, 2, 3], [0, 0, 0]])


def test_it_has_the_number_of_images_in_each_cell_that_has_any_and_the_accuracy(
        tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(figure, 'Figure', lambda *a, make=figure.Figure, **k: (
        figures.append(make(*a, **k)), figures[-1])[1])
    plot_confusion(MATRIX, NAMES, str(tmp_path / 'x.png'))
    axes, bar = figures[0].axes
    drawn = {tuple(text.get_position()): int(text.get_text()) for text in axes.texts}
    assert drawn == {(0, 0): 6, (1, 0): 1, (2, 0): 1, (1, 1): 2, (2, 1): 3}  # (column, row)
    for axis, name in ((axes.xaxis, 'predicted class'), (axes.yaxis, 'true class')):
        assert axis.get_label_text() == name
        assert [label.get_text() for label in axis.get_ticklabels()] == NAMES
    assert axes.get_title('left') == 'Confusion matrix: accuracy 0.6154 on 13 images'
    assert bar.get_ylabel() == "share of the true class's images"


def test_the_picture_is_a_png_that_replaces_the_one_before(tmp_path):
    path = tmp_path / 'confusion.png'
    path.write_text('the one before')
    plot_confusion(MATRIX, NAMES, str(path))
    with Image.open(str(path)) as picture:
        assert picture.format == 'PNG' and min(picture.size) > 200
    assert [f.name for f in tmp_path.iterdir()] == ['confusion.png']


@pytest.mark.parametrize('number, name, side', [
    (10, 'a class with a name that is far too long, %d', 1200), (100, 'class %d', 2400)])
def test_long_names_and_many_classes_stay_within_a_page(tmp_path, number, name, side):
    matrix = np.eye(number, dtype=int) * 1000
    for file in ('one', 'two'):
        plot_confusion(matrix, [name % i for i in range(number)], str(tmp_path / file))
    with Image.open(str(tmp_path / 'one')) as picture:
        assert max(picture.size) <= side
    assert (tmp_path / 'one').read_bytes() == (tmp_path / 'two').read_bytes()
