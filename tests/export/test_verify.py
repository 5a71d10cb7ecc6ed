"""Which files verification accepts, and which it refuses."""
import time

import numpy as np
import pytest

from gluonblocks.export.description import Batch, Images, Written
from gluonblocks.export.verify import VerificationError, milliseconds, outputs_of, verify

RNG = np.random.RandomState(0)
# Integers, whose products have the same sums in every order.
X = RNG.randint(0, 9, (300, 1, 4, 4)).astype('float32')
WEIGHT = RNG.randint(-999, 999, (16, 3)).astype('float32')
LABELS = RNG.randint(0, 3, 300)


def right(inputs):
    return [inputs[0].reshape(len(inputs[0]), 16) @ WEIGHT]


def check(engine, exact=True, labels=LABELS, net=right, n=300, **how):
    images = Images(lambda: (
        Batch((X[:n][i:i + 128],), None if labels is None else labels[i:i + 128])
        for i in range(0, n, 128)))
    return verify('onnx', outputs_of(net, images), Written(['f'], engine, exact=exact), images,
                  **how)


def test_equal_logits_are_counted_over_all_images():
    accuracy = (right([X])[0].argmax(axis=1) == LABELS).mean()
    assert check(right) == (300, accuracy, accuracy, 0.0, 1.0)
    assert check(right, labels=None)[:3] == (300, None, None)
    assert check(right, labels=None, n=2).images == 2  # repeated for the larger batches


@pytest.mark.parametrize('size, off, passes', [
    (0.5, 0.9e-4, True), (0.5, 1.1e-4, False), (100.0, 0.9e-2, True), (100.0, 1.1e-2, False)])
def test_the_bound_is_absolute_up_to_1_and_relative_to_the_largest_of_an_image_beyond(
        size, off, passes):
    def engine(inputs, off=off):
        return [np.float32([0, size]) + np.full((len(inputs[0]), 2), off, 'float32')]

    def net(inputs):
        return engine(inputs, off=0)
    if passes:
        assert check(engine, net=net).largest_difference == pytest.approx(
            off / max(size, 1), rel=0.05)
    else:
        with pytest.raises(VerificationError, match=r'row 0 differs .*; at most 0.0001 is allowed'):
            check(engine, net=net)


@pytest.mark.parametrize('found, passes', [
    ([-np.inf, 1, 2], True), ([-np.inf, 9, 2], False), ([np.inf, 1, 2], False),
    ([-1e30, 1, 2], False)])
def test_an_infinite_value_does_not_hide_a_difference_in_the_rest_of_the_image(found, passes):
    def engine(values):
        return lambda inputs: [np.float32([values] * len(inputs[0]))]
    net = engine([-np.inf, 1, 2])
    if passes:
        result = check(engine(found), net=net, classes=False)
        assert (result.largest_difference, result.agreement) == (0, pytest.approx(1))
    else:
        with pytest.raises(VerificationError, match='row 0 differs'):
            check(engine(found), net=net, classes=False)


def test_one_wrong_image_in_the_last_batch_is_named():
    def engine(inputs):
        logits, = right(inputs)
        if len(logits) == 300 % 128:
            logits[-1, 2] *= 1.01
        return [logits]
    with pytest.raises(VerificationError, match='for a batch of 44 starting at image 256: row 43'):
        check(engine)


@pytest.mark.parametrize('size', [1, 3, 256])
def test_an_engine_that_is_wrong_for_one_batch_size_is_caught(size):
    with pytest.raises(VerificationError, match='for a batch of %d starting' % size):
        check(lambda inputs: [right(inputs)[0] + 1e6 * (len(inputs[0]) == size)])


def test_an_engine_that_cannot_run_a_batch_is_refused_with_its_reason():
    with pytest.raises(VerificationError, match='cannot be run with batch size 1: list index'):
        check(lambda inputs: [][len(inputs)])


@pytest.mark.parametrize('wrong, said', [
    (lambda logits: logits[:, :2], r'for a batch of 1 .*expected shape \(1, 3\), got \(1, 2\)'),
    (lambda logits: logits[0], r'expected shape \(1, 3\), got \(3,\)'),
    (lambda logits: logits * np.nan, 'expected finite values'),
    (lambda logits: logits + np.inf, 'expected finite values')])
@pytest.mark.parametrize('exact', [True, False])
def test_logits_of_another_shape_or_not_finite_are_refused(wrong, said, exact):
    with pytest.raises(VerificationError, match='onnx: .*' + said):
        check(lambda inputs: [wrong(right(inputs)[0])], exact=exact)


def losing(n):
    """An engine that gets the first `n` of the images that the net gets right wrong."""
    lost = np.flatnonzero(right([X])[0].argmax(axis=1) == LABELS)[:n]

    def engine(inputs):
        logits, = right(inputs)
        for row, image in zip(logits, inputs[0]):
            if (image == X[lost]).all(axis=(1, 2, 3)).any():
                row[:] = -row
        return [logits]
    return engine


def test_a_net_without_classes_is_compared_by_the_angle_between_outputs_in_8_bits():
    def tilted(inputs, angle):
        return [np.float32([[np.cos(angle), np.sin(angle)]] * len(inputs[0]))]
    how = dict(exact=False, labels=None, classes=False, net=lambda inputs: tilted(inputs, 0))
    assert check(lambda inputs: tilted(inputs, 0.1), **how).agreement == pytest.approx(np.cos(0.1))
    with pytest.raises(VerificationError, match='agreement drops from 1.0000 to 0.98'):
        check(lambda inputs: tilted(inputs, 0.2), **how)


@pytest.mark.parametrize('wanted, found, said', [
    ([3, 4], [0, 0], 'agreement drops from 1.0000 to 0.0000'),
    ([3, np.nan], [3, np.nan], 'expected finite values'),
    ([3, np.nan], [3, 4], 'expected finite values')])
def test_8_bits_that_are_all_zero_or_replace_nan_are_refused(wanted, found, said):
    def engine(values):
        return lambda inputs: [np.float32([values] * len(inputs[0]))]
    with pytest.raises(VerificationError, match=said):
        check(engine(found), exact=False, classes=False, net=engine(wanted))


def test_8_bits_may_lose_max_drop_points_and_no_more():
    verified = check(losing(3), exact=False, max_drop=1.0)  # 3 of 300
    assert verified.drop == pytest.approx(1.0) and verified.agreement == pytest.approx(0.99)
    assert verified.largest_difference > 1
    with pytest.raises(VerificationError, match='onnx: the accuracy drops from .* by 1.33 '
                                                'percentage points; at most 1 are allowed'):
        check(losing(4), exact=False, max_drop=1.0)
    assert check(losing(3), exact=False, labels=None).drop == pytest.approx(1.0)
    with pytest.raises(VerificationError, match='agreement drops from 1.0000 to 0.9867'):
        check(losing(4), exact=False, labels=None)


def test_milliseconds_are_of_one_call():
    assert 5 <= milliseconds(lambda X: time.sleep(0.005), None, seconds=0.05) < 100


@pytest.mark.parametrize('change, sorts, passes', [
    (lambda rows: rows[:, ::-1], True, True), (lambda rows: rows[:, ::-1], False, False),
    (lambda rows: rows[:, [0, 1, 1, 3]], True, False),
    (lambda rows: rows + [0, 0.1], True, False)], ids=['any_order', 'order', 'lost', 'other'])
def test_rows_that_a_net_sorts_may_come_in_another_order_but_must_all_be_there(
        change, sorts, passes):
    def net(inputs):
        return [inputs[0].reshape(-1, 8, 2)[:, :4]]
    engine = Written(['f'], lambda inputs: [change(*net(inputs)).astype('float32')])
    different = np.random.RandomState(0).uniform(size=(4, 1, 4, 4)).astype('float32')
    images = Images(lambda: iter([Batch((different,))]))
    here = outputs_of(net, images)
    if passes:
        assert verify('onnx', here, engine, images, classes=False, sorts=sorts)[3] == 0
    else:
        with pytest.raises(VerificationError, match='output 0 for a batch of'):
            verify('onnx', here, engine, images, classes=False, sorts=sorts)
