"""What the checks of arguments let through, and the sentences that they refuse the rest in."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from gluonblocks.checks import check_classic_arrays, check_positive


def test_arrays_of_mx_nd_and_of_numpy_pass():
    check_classic_arrays('it', nd.ones(2), np.ones(2), mx.sym.var('x'))


@pytest.mark.parametrize('array', [mx.np.ones(2), mx.sym.np.ones(2)])
def test_an_array_or_symbol_of_mx_np_is_refused_in_the_name_of_who_would_take_it(array):
    with pytest.raises(ValueError, match=r'^it takes arrays of mx\.nd and not of mx\.np'):
        check_classic_arrays('it', nd.ones(2), array)


@pytest.mark.parametrize('mode', [mx.util.np_array, mx.util.np_shape])
def test_each_half_of_numpys_mode_is_refused(mode):
    with mode(True), pytest.raises(ValueError, match=r'call npx\.reset_np\(\) if npx'):
        check_classic_arrays('it')


@pytest.mark.parametrize('value', [0, -1, 2.5, True, '3', None])
def test_what_is_no_positive_whole_number_is_refused_with_its_name_and_value(value):
    with pytest.raises(ValueError, match='^size is %r, but must be a positive whole' % value):
        check_positive('size', value)


@pytest.mark.parametrize('value', [1, np.int64(7)])
def test_whole_numbers_of_python_and_numpy_pass(value):
    check_positive('size', value)
