"""The accuracy and the confusion matrix, counted by hand."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

import gluonblocks as gb
from gluonblocks.training.metrics import accuracy_of, class_scores

NAMES = ['bag', 'coat', 'dress']
#                   taken for: bag, coat, dress
MATRIX = np.array([[6, 1, 1], [0, 2, 3], [0, 0, 0]])


def answers(batches):
    """A net whose input is its answer: X (N, 1, 1, 1) holds classes; and the batches for it."""
    def net(X):
        return nd.one_hot(X.reshape((-1,)), 3)
    return net, [(nd.array(said).reshape((-1, 1, 1, 1)), nd.array(true, dtype='int32'))
                 for said, true in batches]


BATCHES = [([0, 0, 0, 1], [0, 0, 0, 0]), ([0, 0, 0, 2], [0, 0, 0, 0]), ([1, 1, 2, 2, 2], [1] * 5)]


@pytest.mark.parametrize('ctx', [mx.cpu(), [mx.cpu(0), mx.cpu(1)]])
def test_rows_are_true_classes_and_columns_the_answers(ctx):
    net, data_iter = answers(BATCHES)
    assert (gb.confusion_matrix(data_iter, net, ctx, num_classes=3) == MATRIX).all()


def test_its_accuracy_is_that_of_evaluate_accuracy():
    net, data_iter = answers(BATCHES)
    assert accuracy_of(MATRIX) == gb.evaluate_accuracy(data_iter, net) == 8 / 13


def test_scores_are_those_counted_by_hand():
    assert class_scores(MATRIX, NAMES) == [
        ('bag', 8, 6 / 6, 6 / 8, 'coat'), ('coat', 5, 2 / 3, 2 / 5, 'dress'),
        ('dress', 0, 0.0, None, None)]
    never = class_scores(np.array([[1, 0], [2, 0]]), ['a', 'b'])
    assert never[1] == ('b', 2, None, 0.0, 'a')


def test_no_data_another_number_of_classes_and_foreign_labels_are_refused():
    net, data_iter = answers(BATCHES)
    with pytest.raises(ValueError, match='gave no batch'):
        gb.confusion_matrix([], net, num_classes=3)
    with pytest.raises(ValueError, match=r'shape \(4, 3\), which is not \(N, 10\)'):
        gb.confusion_matrix(data_iter, net)
    with pytest.raises(ValueError, match='labels from 1 to 3, but the classes are 0 to 2'):
        gb.confusion_matrix(answers([([0, 1], [1, 3])])[1], net, num_classes=3)
