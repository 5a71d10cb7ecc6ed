"""A run on its test images: the numbers, the text, and the command that shows them."""
import json

import numpy as np

import gluonblocks as gb
from gluonblocks.drawing.confusion import format_confusion

NAMES = ['bag', 'coat', 'dress']
#                   taken for: bag, coat, dress
MATRIX = np.array([[6, 1, 1], [0, 2, 3], [0, 0, 0]])


def test_the_text_has_every_figure():
    lines = [line.split() for line in format_confusion(MATRIX, NAMES).splitlines()]
    assert lines == [['accuracy', '0.6154', 'on', '13', 'images'], [],
                     ['class', 'images', 'precision', 'recall', 'most', 'confused', 'with'],
                     ['bag', '8', '1.000', '0.750', 'coat', '(1)'],
                     ['coat', '5', '0.667', '0.400', 'dress', '(3)'],
                     ['dress', '0', '0.000', '-', '-'], [],
                     ['true', '\\', 'predicted', '0', '1', '2'],
                     ['0', 'bag', '6', '1', '1'], ['1', 'coat', '0', '2', '3'],
                     ['2', 'dress', '0', '0', '0']]


def test_a_run_is_evaluated_on_the_test_images_of_its_data(make_run):
    folder, net = make_run()
    config, names, matrix = gb.evaluate_run(str(folder))
    _, test_iter = gb.data.load_data_synthetic(8)
    assert names == ['class %d' % i for i in range(10)] and config['model'] == 'lenet_bn'
    assert matrix.sum() == 512
    assert gb.training.accuracy_of(matrix) == gb.evaluate_accuracy(test_iter, net)


def test_fashion_mnists_classes_have_its_names_and_data_from_where_it_is_told(make_run, tiny):
    folder, _ = make_run(dataset='fashion-mnist', data_root='/nowhere')
    _, names, matrix = gb.evaluate_run(str(folder), data_root=str(tiny.folder))
    assert names == gb.get_fashion_mnist_labels(range(10))
    labels = tiny.arrays['t10k-labels-idx1-ubyte']
    assert (matrix.sum(axis=1) == np.bincount(labels, minlength=10)).all()


def test_the_command_prints_text_and_writes_numbers_and_picture(make_run, script, tmp_path):
    folder, _ = make_run()
    code, out, err = script('evaluate.py', folder, '--json', tmp_path / 'numbers.json')
    assert code == 0, err
    record = json.loads((tmp_path / 'numbers.json').read_text())
    matrix = np.array(record['confusion'])
    assert out == format_confusion(matrix, ['class %d' % i for i in range(10)]) + '\n'
    assert record['accuracy'] == gb.training.accuracy_of(matrix) and record['images'] == 512
    assert [c['count'] for c in record['classes']] == matrix.sum(axis=1).tolist()
    assert (folder / 'confusion.png').read_bytes().startswith(b'\x89PNG')


def test_without_matplotlib_the_text_still_comes(make_run, script, tmp_path):
    folder, _ = make_run()
    (tmp_path / 'matplotlib.py').write_text('raise ImportError("none here")')
    code, out, err = script('evaluate.py', folder, PYTHONPATH=str(tmp_path))
    assert code == 0 and out.startswith('accuracy ') and 'pip install matplotlib' in err
    assert not (folder / 'confusion.png').exists()
    code, out, err = script('evaluate.py', folder, '--png', tmp_path / 'x.png',
                            PYTHONPATH=str(tmp_path))
    assert code == 1 and out.startswith('accuracy ') and err.startswith('error: ')


def test_a_folder_that_is_no_run_ends_with_code_1(script, tmp_path):
    code, out, err = script('evaluate.py', tmp_path / 'none')
    assert code == 1 and out == '' and err.startswith('error: ') and 'none' in err
