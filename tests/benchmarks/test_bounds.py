"""What convolutions would gain at the speed of a matrix product."""
import pytest

from benchmarks.bounds import main, report
from benchmarks.onednn import convolutions

LINE = ('dnnl_verbose,exec,cpu,convolution,jit:avx512,forward_training,src,,alg:convolution_direct,'
        'mb256_ic64oc32_ih2oh2kh3sh1dh0ph1_iw2ow2kw3sw1dw0pw1,%s')


@pytest.mark.parametrize('problem, taps', [
    ('ih1oh1kh3sh1dh0ph1_iw1ow1kw3sw1dw0pw1', 1), ('ih4oh4kh3sh1dh0ph1_iw1ow1kw3sw1dw0pw1', 10),
    ('ih4oh2kh3sh2dh0ph1_iw5ow5kw1sw1dw0pw0', 5 * 5),
    ('ih2oh2kh3sh1dh0ph1_iw2ow2kw3sw1dw0pw1', 16)])
def test_taps_on_the_padding_do_not_count(problem, taps):
    line = 'dnnl_verbose,exec,cpu,convolution,jit,forward,src,,alg,mb1_ic1oc1_%s,1' % problem
    assert [products for _, products, _ in convolutions([line])] == [taps]


def test_a_convolutions_products_are_those_within_the_map():
    lines = [LINE % 0.5, LINE.replace(',exec,', ',create:cache_hit,') % 0.5, 'warm',
             LINE.replace('convolution,jit', 'reorder,jit') % 0.5]
    assert convolutions(lines) == [('2x2', 256 * 64 * 32 * 4 * 4, 0.5)]


def test_what_a_matrix_product_would_take_is_not_saved():
    products = 256 * 64 * 32 * 16
    head, row, whole = report([LINE % 2.0, LINE % 4.0], 2, products).splitlines()
    # A step takes 3 ms for two halves of a convolution, which at that speed would take 1.
    assert row.split() == ['2x2', '3.0', '%.0f' % (2 * products / 3 / 1e6), '2.0']
    assert whole.split()[1:] == row.split()[1:]


def test_it_measures_a_model(capfd):
    assert main(['--models', 'lenet_bn_gluon', '--steps', '1']) == 0
    out = capfd.readouterr().out
    assert 'a product of matrices runs at' in out and '\n24x24 ' in out and '\nall ' in out
