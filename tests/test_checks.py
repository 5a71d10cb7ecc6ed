"""What the checks of arguments let through, and the sentences that they refuse the rest in."""
import pickle

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from gluonblocks.checks import Name, OptionError, check_classic_arrays, check_positive
from gluonblocks.training import Interrupted


def test_arrays_and_symbols_of_mx_np_are_refused_in_the_name_of_who_would_take_them():
    check_classic_arrays('it', nd.ones(2), np.ones(2), mx.sym.var('x'))
    for array in (mx.np.ones(2), mx.sym.np.ones(2)):
        with pytest.raises(ValueError, match=r'^it expects mx\.nd arrays, not mx\.np arrays'):
            check_classic_arrays('it', nd.ones(2), array)
    for mode in (mx.util.np_array, mx.util.np_shape):  # each half of npx.set_np()
        with mode(True), pytest.raises(ValueError, match=r'call npx\.reset_np\(\) if npx'):
            check_classic_arrays('it')


@pytest.mark.parametrize('value', [0, -1, 2.5, True, '3', None])
def test_a_size_that_is_not_a_positive_integer_is_refused_with_its_name_and_value(value):
    check_positive('size', np.int64(7))
    with pytest.raises(ValueError, match='^size must be a positive integer, got %r$' % value):
        check_positive('size', value)


@pytest.mark.parametrize('error', [
    OptionError('lr_decay', 'requires %s to be %r', Name('lr_schedule'), 'step'),
    Interrupted(2, between_batches=True), Interrupted(15, False, 'stopped')])
def test_an_error_reaches_the_process_that_started_a_pool(error):
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
    assert not isinstance(error, OptionError) or copy.spelled(str.upper) == error.spelled(str.upper)
