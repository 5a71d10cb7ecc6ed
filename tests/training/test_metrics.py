"""Sums, the accuracy and the confusion matrix, counted by hand."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

import gluonblocks as gb
from gluonblocks.training.metrics import RunningSum

#                   answers: bag, coat, dress
MATRIX = np.array([[6, 1, 1], [0, 2, 3], [0, 0, 0]])
TWO = [mx.cpu(0), mx.cpu(1)]


def net(X):
    """Its input is its answer: X (N, 1, 1, 1) holds classes."""
    return nd.one_hot(X.reshape((-1,)), 3)


def batches(*answers):
    return [(nd.array(said).reshape((-1, 1, 1, 1)), nd.array(true, dtype='int32'))
            for said, true in answers]


BATCHES = batches(([0, 0, 0, 1], [0, 0, 0, 0]), ([0, 0, 0, 2], [0, 0, 0, 0]),
                  ([1, 1, 2, 2], [1, 1, 1, 1]), ([2], [1]))


@pytest.mark.parametrize('ctx', [mx.cpu(), [mx.cpu()], TWO])
def test_answers_accuracy_and_matrix_are_those_counted_by_hand_on_one_device_or_several(ctx):
    assert gb.evaluate_accuracy(BATCHES, net, ctx) == 8 / 13
    assert (gb.confusion_matrix(BATCHES, net, ctx, num_classes=3) == MATRIX).all()
    found = gb.training.evaluate(net, BATCHES, ctx)
    assert found.labels.tolist() == [0] * 8 + [1] * 5
    assert found.classes.tolist() == [0, 0, 0, 1, 0, 0, 0, 2, 1, 1, 2, 2, 2]
    assert (found.logits == np.eye(3)[found.classes]).all() and found.num_correct == 8
    np.testing.assert_allclose(found.probabilities.max(axis=1), np.e / (np.e + 2), rtol=1e-6)


def test_images_that_fill_up_ndarrayiters_last_batch_are_not_counted_twice():
    said, true = np.array([0, 0, 1, 2, 2]), np.array([1, 1, 1, 2, 2])
    data_iter = mx.io.NDArrayIter(said.reshape(5, 1, 1, 1), true, 4)
    for _ in range(2):  # it is set back to its start, too
        assert gb.evaluate_accuracy(data_iter, net) == 3 / 5


def test_scores_are_those_counted_by_hand():
    assert gb.training.class_scores(MATRIX, ['bag', 'coat', 'dress']) == [
        ('bag', 8, 6 / 6, 6 / 8, 'coat'), ('coat', 5, 2 / 3, 2 / 5, 'dress'),
        ('dress', 0, 0.0, None, None)]
    never = gb.training.class_scores(np.array([[1, 0], [2, 0]]), ['a', 'b'])
    assert never[1] == ('b', 2, None, 0.0, 'a')


@pytest.mark.parametrize('measure', [gb.evaluate_accuracy, gb.confusion_matrix])
@pytest.mark.parametrize('data', [[], [(None, None)] * 2])  # the second: a rank without an image
def test_no_data_is_an_error_that_says_so(measure, data):
    with pytest.raises(ValueError, match='data_iter must yield at least one image'):
        measure(data, net)


def test_another_number_of_classes_is_refused():
    with pytest.raises(ValueError, match='must return num_classes = 10 logits per image, got 3'):
        gb.confusion_matrix(BATCHES, net)


@pytest.mark.parametrize('before', [0, 4])  # read at once in the first batch, late in the others
@pytest.mark.parametrize('ctx, bad, said', [
    (mx.cpu(), [2, 3], '2 to 3'), (TWO, [-1, 0], '-1 to 0')])
def test_labels_that_are_not_a_class_are_refused(ctx, before, bad, said):
    batch = batches((bad[::-1] * 2, bad * 2))
    with pytest.raises(ValueError, match='labels must be from 0 to 2, .* got %s' % said):
        gb.evaluate_accuracy(BATCHES[:before] + batch, net, ctx)


def test_sums_are_in_double_precision():
    losses = RunningSum()
    losses.add([nd.array([2 ** 24, 1, 1])])
    assert losses.read() == 2 ** 24 + 2  # in float32, 2 ** 24 + 1 is 2 ** 24


def test_a_resumed_sum_counts_the_batches_before_it():
    losses = RunningSum(total=7.0, num_batches=3)
    for number in (1.0, np.inf, np.nan):
        losses.add([nd.array([number, 1.0])])
    losses.read()
    assert losses.first_bad == 5 and not np.isfinite(losses.total)


@pytest.mark.parametrize('dtype', ['int32', 'float32'])
def test_predictions_of_a_float16_net_with_many_classes_are_counted_exactly(dtype):
    # In float16 2,049 is 2,048, and 4,001 is 4,000.
    said, true = np.array([2049, 4001, 4001, 5]), np.array([2048, 4000, 4001, 5])
    data = [(nd.array(said), nd.array(true, dtype=dtype))]
    matrix = gb.confusion_matrix(data, lambda X: nd.one_hot(X, 4096, dtype='float16'),
                                 num_classes=4096)
    assert sorted(zip(*matrix.nonzero())) == sorted(zip(true, said))


def test_probabilities_as_labels_count_by_the_largest():
    soft = nd.array([[0.7, 0.2, 0.1], [0.4, 0.6, 0], [0, 0, 1], [0.2, 0.2, 0.6]])
    data = [(nd.array([0, 0, 2, 1]), soft)]  # of the classes 0, 1, 2 and 2
    matrix = gb.confusion_matrix(data, net, num_classes=3)
    assert matrix.tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 1]]
