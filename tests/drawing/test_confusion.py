"""The picture of a confusion matrix."""
import warnings

import numpy as np
import pytest
from PIL import Image

from gluonblocks.drawing.confusion import class_rows, draw_confusion, plot_confusion

NAMES = ['bag', 'coat', 'dress 漢']
#               predicted: bag, coat, dress
MATRIX = np.array([[6, 1, 1], [0, 2, 3], [0, 0, 0]])


def test_it_has_the_number_of_images_in_each_cell_the_names_and_the_accuracy(tmp_path, figures):
    with warnings.catch_warnings():
        warnings.simplefilter('error')  # the font has no Chinese characters, which are boxes
        plot_confusion(MATRIX, NAMES, str(tmp_path / 'x.png'))
    axes, bar = figures[0].axes
    drawn = {tuple(text.get_position()): int(text.get_text()) for text in axes.texts}
    assert drawn == {(0, 0): 6, (1, 0): 1, (2, 0): 1, (1, 1): 2, (2, 1): 3}  # (column, row)
    for axis, name in ((axes.xaxis, 'predicted class'), (axes.yaxis, 'true class')):
        assert axis.get_label_text() == name
        assert [label.get_text() for label in axis.get_ticklabels()] == ['bag', 'coat', 'dress □']
    assert figures[0].get_suptitle() == 'Confusion matrix: accuracy 0.6154 on 13 images'
    assert bar.get_ylabel() == "fraction of the true class's images"


@pytest.mark.parametrize('number, name', [
    (10, 'a class with a name that is far too long, %d'), (40, 'class %d')])
def test_long_names_and_many_classes_fit_a_page_and_an_earlier_picture_is_replaced(
        tmp_path, number, name):
    (tmp_path / 'x.png').write_text('an earlier picture')
    plot_confusion(np.eye(number, dtype=int) * 1000, [name % i for i in range(number)],
                   str(tmp_path / 'x.png'))
    with Image.open(str(tmp_path / 'x.png')) as picture:
        assert picture.format == 'PNG' and 200 < min(picture.size) <= max(picture.size) <= 1200
    assert [file.name for file in tmp_path.iterdir()] == ['x.png']


@pytest.mark.parametrize('names', [['a', 'b'], ['golden retriever', 'Siberian husky']])
def test_the_title_fits_however_few_the_classes_and_long_their_names(names):
    figure = draw_confusion(np.eye(2, dtype=int) * 500000, names)
    figure.canvas.draw()
    box = figure.get_tightbbox()  # inches
    assert box.x0 >= 0 and box.x1 <= figure.get_figwidth()


def test_two_classes_of_one_name_are_counted_apart():
    assert class_rows(np.array([[1, 7, 2], [0, 5, 0], [3, 4, 0]]), ['crane', 'crane', 'bag']) == [
        ('crane', '10', '0.250', '0.100', 'crane (7)'), ('crane', '5', '0.312', '1.000', '-'),
        ('bag', '7', '0.000', '0.000', 'crane (4)')]
