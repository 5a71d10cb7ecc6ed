"""Anchors, boxes and their suppression in ONNX give what MXNet does, in its order."""
import mxnet as mx
import numpy as np
import pytest
from operators_in_onnx import assert_same, onnx_session, run_symbol

X, Y = mx.sym.var('data'), mx.sym.var('other')


@pytest.mark.parametrize('attributes', [
    {}, {'sizes': (0.3, 0.5), 'ratios': (1, 2, 0.5)}, {'sizes': (0.4,), 'ratios': (2, 0.3)},
    {'sizes': (0.9, 0.7, 0.2), 'clip': True},
    {'sizes': (0.2, 0.3), 'steps': (0.1, 0.2), 'offsets': (0.3, 0.7), 'ratios': (3,)}])
def test_anchors_for_any_size_of_the_image(attributes):
    symbol = mx.sym.contrib.MultiBoxPrior(X, **attributes)
    assert_same(symbol, {'data': (1, 3, 4, 5)}, {'data': (2, 3, 4, 5)})
    assert_same(symbol, {'data': (1, 3, 4, 5)}, {'data': (2, 3, 7, 3)}, {'data': (1, 3, 1, 6)})


@pytest.mark.parametrize('attributes', [
    {}, {'format': 'corner'}, {'std0': 0.1, 'std1': 0.2, 'std2': 0.3, 'std3': 0.4, 'clip': 0.2}])
def test_boxes_from_differences_to_anchors(attributes):
    assert_same(mx.sym.contrib.box_decode(X, Y, **attributes),
                {'data': (2, 5, 4), 'other': (1, 5, 4)}, {'data': (3, 6, 4), 'other': (1, 6, 4)})


def boxes(rng, batch, n):
    """Rows (class, score, left, top, right, bottom, another): scores tie, and some are invalid."""
    ids, scores = rng.randint(-1, 3, (batch, n)), rng.randint(0, 8, (batch, n)) / 8
    low = rng.randint(-1, 4, (batch, n, 2))
    high = low + rng.randint(-1, 5, (batch, n, 2))  # some boxes are inside out, or have no area
    return np.concatenate([ids[..., None], scores[..., None], low, high,
                           rng.uniform(size=(batch, n, 1))], axis=-1).astype('float32')


def compare(symbol, *cases):
    """The same results for each case, inputs by name, of which the first is exported."""
    session, _ = onnx_session(symbol, {}, [{name: array.shape for name, array in case.items()}
                                           for case in cases])
    for inputs in cases:
        for found, expected in zip(session.run(None, inputs), run_symbol(symbol, {}, inputs)):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('attributes', [
    {'id_index': 0}, {'id_index': 0, 'force_suppress': True, 'overlap_thresh': 0.2}, {},
    {'id_index': 0, 'topk': 5, 'valid_thresh': 0.3}, {'topk': 100, 'overlap_thresh': 0.1},
    {'id_index': 0, 'background_id': 1, 'overlap_thresh': 0.25}, {'overlap_thresh': 1.0},
    {'valid_thresh': 2.0}, {'overlap_thresh': 0.0}, {'topk': 4, 'id_index': 0},
    {'in_format': 'center', 'out_format': 'center', 'topk': 3, 'overlap_thresh': 0.4}])
def test_suppression_gives_the_order_of_mxnet(attributes, seed):
    rng = np.random.RandomState(seed)
    cases = [{'data': boxes(rng, 2, 12)}, {'data': boxes(rng, 3, 9)}, {'data': boxes(rng, 1, 15)}]
    compare(mx.sym.contrib.box_nms(X, **attributes), *cases)


def test_suppression_of_columns_in_another_order_and_of_more_axes():
    rng = np.random.RandomState(0)
    symbol = mx.sym.contrib.box_nms(X, coord_start=0, score_index=5, id_index=4,
                                    overlap_thresh=0.3, topk=6)
    cases = [{'data': boxes(rng, 6, n)[..., [2, 3, 4, 5, 0, 1]].reshape(2, 3, n, 6)}
             for n in (10, 10)]
    compare(symbol, *cases)
    compare(symbol, {'data': cases[0]['data'][0, 0]})  # (n, k)


@pytest.mark.parametrize('attributes', [{'overlap_thresh': -0.5}, {'out_format': 'center'}])
def test_a_suppression_that_onnx_cannot_express_is_refused(attributes):
    with pytest.raises(ValueError, match='expected overlap_thresh from 0 to 1 and equal in_format'):
        onnx_session(mx.sym.contrib.box_nms(X, **attributes), {}, [{'data': (1, 4, 6)}])


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('attributes', [
    {}, {'nms_threshold': 0.3, 'force_suppress': True}, {'nms_topk': 4, 'threshold': 0.3},
    {'nms_topk': 50, 'nms_threshold': 0.2, 'clip': False}, {'nms_threshold': 0},
    {'variances': (0.3, 0.2, 0.5, 0.4), 'nms_threshold': 1 / 3}, {'threshold': 2.0},
    {'nms_topk': 3, 'force_suppress': True, 'nms_threshold': 1.0}])
def test_detections_of_ssd_keep_the_place_of_what_is_suppressed(attributes, seed):
    rng = np.random.RandomState(seed)

    def case(batch, n):
        low = rng.randint(0, 4, (n, 2)) / 8
        anchors = np.hstack([low, low + rng.randint(1, 5, (n, 2)) / 8])
        return {'probabilities': rng.randint(0, 8, (batch, 4, n)).astype('float32') / 8,
                'differences': rng.randint(-2, 3, (batch, n * 4)).astype('float32'),
                'anchors': anchors[None].astype('float32')}
    symbol = mx.sym.contrib.MultiBoxDetection(
        *[mx.sym.var(name) for name in ('probabilities', 'differences', 'anchors')], **attributes)
    compare(symbol, case(2, 12), case(1, 9), case(3, 16))


def test_an_overlap_equal_to_the_threshold_is_too_much_in_one_operator_and_allowed_in_the_other():
    corners = np.array([[[0, 0, 0.5, 0.5], [0, 0, 0.25, 0.25]]], 'float32')  # an overlap of 1 / 4
    scores = np.array([[[0.1, 0.2], [0.9, 0.8]]], 'float32')
    detection = mx.sym.contrib.MultiBoxDetection(X, Y, mx.sym.var('a'), nms_threshold=0.25)
    session, _ = onnx_session(detection, {}, [{'data': (1, 2, 2), 'other': (1, 8), 'a': (1, 2, 4)}])
    (found,) = session.run(None, {'data': scores, 'other': np.zeros((1, 8), 'float32'),
                                  'a': corners})
    assert found[0, :, 0].tolist() == [0, -1]
    rows = np.concatenate([scores.transpose(0, 2, 1), corners], axis=-1)
    session, _ = onnx_session(mx.sym.contrib.box_nms(X, overlap_thresh=0.25), {},
                              [{'data': (1, 2, 6)}])
    (found,) = session.run(None, {'data': rows})
    np.testing.assert_array_equal(found, rows)
