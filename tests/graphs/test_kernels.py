"""The operators' numbers against float64, in the cases where floats are short of digits."""
import os

import kernels_reference as reference
import numpy as np
import pytest
from mxnet import nd
from reference import close
from single_operators import norm_graphs, run, stage_graphs, values

pytestmark = pytest.mark.usefixtures('operators')
RTOL = 2e-5


@pytest.fixture
def rng():
    return np.random.RandomState(7)


def check_norm(arrays, dY, activation='', rtol=RTOL):
    got = run(norm_graphs(arrays['x'].shape, activation)[1], arrays, dY)
    for name, expected in reference.norm(arrays, dY, activation).items():
        close(got[name], expected, rtol)
    return got


def draw(rng, shapes, out_shape, offset=0.0):
    return values(shapes, rng, offset), rng.randn(*out_shape).astype('float32')


@pytest.mark.parametrize('shape', [
    (1, 3), (5, 1), (1024, 3), (33, 129), (3, 5000)])
@pytest.mark.parametrize('activation', ['', 'sigmoid', 'relu'])
def test_norm_is_the_papers_algorithm(rng, shape, activation):
    check_norm(*draw(rng, norm_graphs(shape)[2], shape), activation)


@pytest.mark.parametrize('shape', [(1024, 3), (64, 5)])
@pytest.mark.parametrize('offset', [30, 3000, 300000])
def test_norm_keeps_its_digits_where_the_mean_is_large(rng, shape, offset):
    arrays, dY = draw(rng, norm_graphs(shape)[2], shape, offset)
    check_norm(arrays, dY)


def test_a_constant_channel_gives_beta_and_moves_the_variance_to_zero(rng, shape=(9, 4)):
    arrays, dY = draw(rng, norm_graphs(shape)[2], shape)
    arrays['x'][:, 1] = 0.3
    got = run(norm_graphs(shape)[1], arrays, dY)
    assert (got['out'][:, 1] == arrays['b'][1]).all() and got['g'][1] == 0
    close(got['v'][1], np.array(0.9 * arrays['v'][1]), 1e-6)


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_spoil_their_channel_and_no_other(rng, bad, shape=(9, 4)):
    arrays, dY = draw(rng, norm_graphs(shape)[2], shape)
    whole = run(norm_graphs(shape, 'sigmoid')[1], arrays, dY)
    arrays['x'].reshape(9, 4, -1)[5, 2, 0] = bad
    got = run(norm_graphs(shape, 'sigmoid')[1], arrays, dY)
    for name, axis in (('out', 1), ('x', 1), ('g', 0), ('v', 0)):
        assert np.isnan(got[name].take(2, axis)).all()
        others = [0, 1, 3]
        assert (got[name].take(others, axis) == whole[name].take(others, axis)).all()
    np.testing.assert_equal(got['m'][2], np.float32(bad))  # as the sum over the channel


# shape, channels, kernel, pad, activation, window, stride
STAGES = [
    ((1, 1, 28, 28), 6, (5, 5), (0, 0), 'sigmoid', (2, 2), (2, 2)),
    ((17, 6, 12, 12), 16, (5, 5), (0, 0), 'sigmoid', (2, 2), (2, 2)),
    ((33, 3, 9, 7), 7, (3, 3), (1, 1), 'relu', (2, 2), (2, 2)),
    ((16, 2, 8, 9), 1, (1, 4), (0, 3), '', (3, 2), (1, 1)),
    ((5, 1, 4, 4), 13, (4, 4), (0, 0), 'relu', (1, 1), (1, 1)),
    ((20, 4, 11, 13), 10, (7, 7), (3, 3), 'relu', (3, 3), (2, 2)),
    ((1024, 1, 7, 6), 3, (3, 2), (0, 1), 'sigmoid', (2, 3), (3, 2))]


def run_stage(case, rng, change=None):
    shape, channels, kernel, pad, activation, window, stride = case
    plain, ours, shapes = stage_graphs(shape, channels, kernel, pad, activation, window, stride)
    arrays, dY = draw(rng, shapes, plain.infer_shape(**shapes)[1][0])
    if change:
        change(arrays)
    return (run(ours, arrays, dY), reference.stage(arrays, dY, pad, activation, window, stride),
            lambda: run(plain, arrays, dY))


@pytest.mark.parametrize('case', STAGES, ids=str)
def test_stage_is_its_four_steps(rng, case):
    got, expected, _ = run_stage(case, rng)
    for name, value in expected.items():
        close(got[name], value, RTOL)


def test_the_gradient_of_a_bias_before_a_norm_is_exactly_zero(rng):
    assert not run_stage(STAGES[1], rng)[0]['c'].any()


def test_of_equal_maxima_the_first_takes_the_gradient_as_in_mxnet(rng):
    def level(arrays):
        arrays['x'] = np.round(arrays['x'])  # few values, many ties
        arrays['w'] = np.round(arrays['w'] * 2)
    got, expected, mxnets = run_stage(STAGES[2], rng, level)
    for other in (expected, mxnets()):
        close(got['x'], other['x'], 1e-4)
        close(got['w'], other['w'], 1e-4)


@pytest.mark.parametrize('bad', [np.nan, np.inf])
@pytest.mark.parametrize('where, spoilt', [('x', [0, 1, 2, 3, 4, 5, 6]), ('w', [0]), ('c', [1])])
def test_no_number_goes_through_a_stage_in_its_channels(where, spoilt, bad):
    def spoil(arrays):
        arrays[where].reshape(-1)[1] = bad
    whole, got = [run_stage(STAGES[2], np.random.RandomState(7), change)[0]
                  for change in (None, spoil)]
    others = [channel for channel in range(7) if channel not in spoilt]
    for name, axis in (('out', 1), ('w', 0), ('c', 0), ('g', 0), ('b', 0), ('v', 0)):
        assert np.isnan(got[name].take(spoilt, axis)).all()
        assert (got[name].take(others, axis) == whole[name].take(others, axis)).all()
    assert not np.isfinite(got['m'][spoilt]).any() and np.isfinite(got['m'][others]).all()


@pytest.mark.parametrize('training', [1, 0])
@pytest.mark.parametrize('place', [(2, 2), (2, 3), (3, 2), (3, 3)])
def test_nan_in_any_place_of_a_window_is_shown(rng, place, training):
    _, ours, shapes = stage_graphs((3, 1, 4, 4), 2, (1, 1), (0, 0), 'relu', (2, 2), (2, 2),
                                   training)
    arrays = values(shapes, rng)
    arrays['x'][(1, 0) + place] = np.nan
    out = run(ours, arrays, training=bool(training))['out']
    assert np.isnan(out[1, :, 1, 1]).all()


@pytest.mark.parametrize('threads', ['1', '2'])
def test_two_runs_give_the_same_bits(rng, threads, python):
    code = """
import gluonblocks, hashlib, sys, numpy as np
sys.path.insert(0, %r)
from gluonblocks.graphs.operators import status
from single_operators import norm_graphs, run, stage_graphs, values
assert status().ready
for _, ours, shapes in (norm_graphs((50, 7), 'sigmoid'), norm_graphs((300, 40)),
        stage_graphs((70, 3, 9, 9), 7, (3, 3), (1, 1), 'relu', (2, 2), (2, 2))):
    rng, said = np.random.RandomState(0), set()
    arrays = values(shapes, rng)
    dY = rng.randn(*ours.infer_shape(**shapes)[1][0])
    for _ in range(8):
        got = run(ours, arrays, dY)
        said.add(hashlib.sha256(b''.join(got[name].tobytes() for name in sorted(got))).hexdigest())
    assert len(said) == 1
    print(*said)
""" % os.path.dirname(os.path.dirname(__file__))
    assert python(code, OMP_NUM_THREADS=threads) == python(code, OMP_NUM_THREADS=threads)


def test_float64_is_refused(rng):
    arrays, dY = draw(rng, norm_graphs((4, 3))[2], (4, 3))
    arrays = {name: array.astype('float64') for name, array in arrays.items()}
    with pytest.raises(Exception, match='operators take float32 only'):
        run(norm_graphs((4, 3))[1], arrays, dY)
    nd.waitall()


@pytest.mark.parametrize('shape', [(1, 1), (5, 33)])
@pytest.mark.parametrize('activation', ['', 'sigmoid', 'relu'])
def test_norm_predicts_by_its_averages(rng, shape, activation):
    _, ours, shapes = norm_graphs(shape, activation, training=0)
    arrays = values(shapes, rng)
    got = run(ours, arrays, training=False)
    close(got['out'], reference.predicted_norm(arrays['x'], arrays, activation), RTOL)
    assert (got['m'] == arrays['m']).all() and (got['v'] == arrays['v']).all()


@pytest.mark.parametrize('case', STAGES, ids=str)
def test_stage_predicts_by_its_averages(rng, case):
    shape, channels, kernel, pad, activation, window, stride = case
    _, ours, shapes = stage_graphs(shape, channels, kernel, pad, activation, window, stride,
                                   training=0)
    arrays = values(shapes, rng)
    got = run(ours, arrays, training=False)
    close(got['out'], reference.predicted_stage(arrays, pad, activation, window, stride), RTOL)
    assert (got['m'] == arrays['m']).all() and (got['v'] == arrays['v']).all()
