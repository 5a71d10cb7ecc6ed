"""Steps of our operator for stochastic gradient descent: the bits of MXNet's own."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from gluonblocks.graphs.sgd import sgd_update

pytestmark = pytest.mark.usefixtures('operators')
SHAPES = [(1,), (7, 3), (16, 16), (33, 5, 3, 3), (200, 401)]  # the last is done by all threads


def draw(seed, kinds):
    """`kinds` lists of random arrays of the SHAPES."""
    rng = np.random.RandomState(seed)
    return [[nd.array(rng.randn(*shape), ctx=mx.cpu()) for shape in SHAPES] for _ in range(kinds)]


def rates(momentum, wd):
    return {'rescale_grad': 1 / 96, 'momentum': momentum,
            'lrs': [0.1 * (k + 1) for k in range(len(SHAPES))],
            'wds': [wd * k for k in range(len(SHAPES))]}


def both(momentum, wd, bad=None):
    """(ours, MXNet's): [weights, velocities, gradients] after three steps from the same arrays."""
    results, how = [], rates(momentum, wd)
    for ours in (True, False):
        weights, grads, velocities = given = draw(1, 3)
        for array in grads if bad else []:
            array.reshape((-1,))[0] = bad
        for _ in range(3):
            if ours:
                sgd_update(weights, grads, velocities if momentum else None, **how)
            elif momentum:
                nd.multi_sgd_mom_update(*[array for one in zip(*given) for array in one],
                                        out=weights, num_weights=len(weights), **how)
            else:
                nd.multi_sgd_update(*[array for one in zip(*given[:2]) for array in one],
                                    out=weights, num_weights=len(weights),
                                    **{name: how[name] for name in how if name != 'momentum'})
        results.append([array.asnumpy() for array in weights + velocities + grads])
    return results


@pytest.mark.parametrize('momentum', [0.0, 0.9])
@pytest.mark.parametrize('wd', [0.0, 5e-4])
def test_steps_have_the_bits_of_mxnets_operators_and_leave_the_gradients(momentum, wd):
    for ours, theirs in zip(*both(momentum, wd)):
        assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf, 1e-42])
def test_nan_infinity_and_denormal_numbers_go_where_mxnets_operator_has_them(bad):
    for ours, theirs in zip(*both(0.9, 5e-4, bad)):
        np.testing.assert_array_equal(ours, theirs)
