"""The operators' results match MXNet's in float64, also for input that is hard for float32."""
import os

import numpy as np
import pytest
from mxnet import nd
from single_operators import norm_graphs, run, run_in_float64, stage_graphs, values

pytestmark = pytest.mark.usefixtures('operators')
RTOL = 2e-5


@pytest.fixture
def rng():
    return np.random.RandomState(7)


def close(got, expected, rtol=RTOL):
    np.testing.assert_allclose(got, expected, rtol=0, atol=rtol * np.abs(expected).max() + 1e-12)


def draw(rng, graphs, offset=0.0):
    plain, _, shapes = graphs
    dY = rng.randn(*plain.infer_shape(x=shapes['x'])[1][0]).astype('float32')
    return values(shapes, rng, offset), dY


def check(graphs, arrays, dY=None, training=True):
    """Compare all results except the gradient of a bias, which is only rounding error."""
    plain, ours, _ = graphs
    got = run(ours, arrays, dY, training)
    for name, expected in run_in_float64(plain, arrays, dY, training).items():
        if name != 'c':
            close(got[name], expected)
    return got


@pytest.mark.parametrize('shape', [(1, 3), (5, 1), (1024, 3), (33, 129), (3, 5000)])
@pytest.mark.parametrize('activation', ['', 'sigmoid', 'relu'])
def test_norm_matches_mxnet_in_training_and_prediction(rng, shape, activation):
    graphs = norm_graphs(shape, activation)
    check(graphs, *draw(rng, graphs))
    graphs = norm_graphs(shape, activation, training=False)
    arrays = values(graphs[2], rng)
    got = check(graphs, arrays, training=False)
    assert (got['m'] == arrays['m']).all() and (got['v'] == arrays['v']).all()


@pytest.mark.parametrize('shape', [(1024, 3), (64, 5)])
@pytest.mark.parametrize('offset', [30, 3000, 300000])
def test_norm_is_accurate_if_the_mean_is_large(rng, shape, offset):
    graphs = norm_graphs(shape)
    check(graphs, *draw(rng, graphs, offset))


def test_a_constant_channel_returns_beta_and_moves_the_variance_towards_zero(rng, shape=(9, 4)):
    graphs = norm_graphs(shape)
    arrays, dY = draw(rng, graphs)
    arrays['x'][:, 1] = 0.3
    got = run(graphs[1], arrays, dY)
    assert (got['out'][:, 1] == arrays['b'][1]).all() and got['g'][1] == 0
    close(got['v'][1], np.array(0.9 * arrays['v'][1]), 1e-6)


def test_a_saturated_sigmoid_is_0_or_1(rng, shape=(9, 4)):
    graphs = norm_graphs(shape, 'sigmoid')
    arrays, dY = draw(rng, graphs)
    arrays['g'] *= 1000  # e^x overflows at 88
    check(graphs, arrays, dY)


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_affect_only_their_channel(rng, bad, shape=(9, 4)):
    graphs = norm_graphs(shape, 'sigmoid')
    arrays, dY = draw(rng, graphs)
    intact = run(graphs[1], arrays, dY)
    arrays['x'].reshape(9, 4, -1)[5, 2, 0] = bad
    got = run(graphs[1], arrays, dY)
    for name, axis in (('out', 1), ('x', 1), ('g', 0), ('v', 0)):
        assert np.isnan(got[name].take(2, axis)).all()
        others = [0, 1, 3]
        assert (got[name].take(others, axis) == intact[name].take(others, axis)).all()
    np.testing.assert_equal(got['m'][2], np.float32(bad))  # like the sum of the channel


# shape, channels, kernel, pad, activation, window, stride
STAGES = [
    ((1, 1, 28, 28), 6, (5, 5), (0, 0), 'sigmoid', (2, 2), (2, 2)),
    ((17, 6, 12, 12), 16, (5, 5), (0, 0), 'sigmoid', (2, 2), (2, 2)),
    ((33, 3, 9, 7), 7, (3, 3), (1, 1), 'relu', (2, 2), (2, 2)),
    ((16, 2, 8, 9), 1, (1, 4), (0, 3), '', (3, 2), (1, 1)),
    ((5, 1, 4, 4), 13, (4, 4), (0, 0), 'relu', (1, 1), (1, 1)),
    ((20, 4, 11, 13), 10, (7, 7), (3, 3), 'relu', (3, 3), (2, 2)),
    ((1024, 1, 7, 6), 3, (3, 2), (0, 1), 'sigmoid', (2, 3), (3, 2))]


@pytest.mark.parametrize('case', STAGES, ids=str)
def test_stage_matches_its_four_operators_in_training_and_prediction(rng, case):
    graphs = stage_graphs(*case)
    got = check(graphs, *draw(rng, graphs))
    assert not got['c'].any()  # exactly 0, because the norm cancels the bias
    graphs = stage_graphs(*case, training=False)
    arrays = values(graphs[2], rng)
    got = check(graphs, arrays, training=False)
    assert (got['m'] == arrays['m']).all() and (got['v'] == arrays['v']).all()


@pytest.mark.parametrize('size, kernel, window, stride', [
    ((28, 28), (5, 5), (2, 2), (2, 2)), ((9, 7), (2, 3), (3, 2), (1, 2)),
    ((5, 11), (3, 2), (2, 1), (3, 2)), ((2, 40), (1, 1), (1, 1), (1, 1)),
    ((4, 3), (4, 3), (1, 1), (1, 1))])
def test_a_stage_predicts_few_images_like_many_up_to_rounding(rng, size, kernel, window, stride):
    case = 3, kernel, (0, 0), 'sigmoid', window, stride
    _, ours, shapes = stage_graphs((40, 2, *size), *case, training=False)
    arrays = values(shapes, rng)
    many = run(ours, arrays, training=False)['out']
    for n in (1, 2, 3, 8):
        few = run(ours, dict(arrays, x=arrays['x'][:n]), training=False)['out']
        np.testing.assert_allclose(few, many[:n], rtol=0, atol=1e-6)


def test_the_first_of_equal_maxima_gets_the_gradient_as_in_mxnet(rng):
    graphs = stage_graphs(*STAGES[2])
    arrays, dY = draw(rng, graphs)
    arrays['x'] = np.round(arrays['x'])  # few values, many ties
    arrays['w'] = np.round(arrays['w'] * 2)
    got, expected = [run(symbol, arrays, dY) for symbol in (graphs[1], graphs[0])]
    for name in 'xw':
        close(got[name], expected[name], 1e-4)


@pytest.mark.parametrize('bad', [np.nan, np.inf])
@pytest.mark.parametrize('where, affected', [('x', [0, 1, 2, 3, 4, 5, 6]), ('w', [0]), ('c', [1])])
def test_nan_and_infinity_stay_in_their_channels_of_a_stage(rng, where, affected, bad):
    graphs = stage_graphs(*STAGES[2])
    arrays, dY = draw(rng, graphs)
    intact = run(graphs[1], arrays, dY)
    arrays[where].reshape(-1)[1] = bad
    got = run(graphs[1], arrays, dY)
    others = [channel for channel in range(7) if channel not in affected]
    for name, axis in (('out', 1), ('w', 0), ('c', 0), ('g', 0), ('b', 0), ('v', 0)):
        assert np.isnan(got[name].take(affected, axis)).all()
        assert (got[name].take(others, axis) == intact[name].take(others, axis)).all()
    assert not np.isfinite(got['m'][affected]).any() and np.isfinite(got['m'][others]).all()


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('position', [(2, 2), (2, 3), (3, 2), (3, 3)])
def test_nan_at_any_position_of_a_window_is_the_maximum(rng, position, training):
    _, ours, shapes = stage_graphs((3, 1, 4, 4), 2, (1, 1), (0, 0), 'relu', (2, 2), (2, 2),
                                   training)
    arrays = values(shapes, rng)
    arrays['x'][(1, 0) + position] = np.nan
    assert np.isnan(run(ours, arrays, training=training)['out'][1, :, 1, 1]).all()


@pytest.mark.parametrize('threads', ['1', '2'])
def test_two_runs_give_the_same_bits(threads, python):
    code = """
import gluonblocks, hashlib, sys, numpy as np
sys.path.insert(0, %r)
from gluonblocks.graphs.operators import status
from single_operators import norm_graphs, run, stage_graphs, values
assert status().ready
for _, ours, shapes in (norm_graphs((50, 7), 'sigmoid'), norm_graphs((300, 40)),
        stage_graphs((70, 3, 9, 9), 7, (3, 3), (1, 1), 'relu', (2, 2), (2, 2))):
    rng, digests = np.random.RandomState(0), set()
    arrays = values(shapes, rng)
    for _ in range(8):
        got = run(ours, arrays)
        content = b''.join(got[name].tobytes() for name in sorted(got))
        digests.add(hashlib.sha256(content).hexdigest())
    assert len(digests) == 1
    print(*digests)
""" % os.path.dirname(os.path.dirname(__file__))
    assert python(code, OMP_NUM_THREADS=threads) == python(code, OMP_NUM_THREADS=threads)


def test_the_norm_of_wide_rows_needs_little_memory(python):
    added = python("""
import gluonblocks, resource, sys, numpy as np
sys.path.insert(0, %r)
from gluonblocks.graphs.operators import status
from single_operators import norm_graphs, run, values
assert status().ready
plain, ours, shapes = norm_graphs((256, 12544))
arrays, peaks = values(shapes, np.random.RandomState(0)), []
for symbol in (plain, plain, ours):
    run(symbol, arrays)
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(peaks[-1] - peaks[-2])
""" % os.path.dirname(os.path.dirname(__file__)))
    assert int(added) < 50 * 1024  # KiB; the input takes 12 MiB, and MXNet's operator ran before


def test_float64_is_rejected(rng):
    graphs = norm_graphs((4, 3))
    with pytest.raises(Exception, match='operators need float32'):
        run_in_float64(graphs[1], *draw(rng, graphs))
    nd.waitall()
