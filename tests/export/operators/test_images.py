"""Operators on images in ONNX compute what MXNet's do."""
import mxnet as mx
import pytest
from operators_in_onnx import assert_same, onnx_session

X, Y = mx.sym.var('data'), mx.sym.var('other')
SHAPES = {'data': (2, 4, 6, 5)}, {'data': (3, 4, 8, 9)}
PAIRS = (dict(SHAPES[0], other=(2, 3, 4, 3)), dict(SHAPES[1], other=(3, 3, 7, 6)))


@pytest.mark.parametrize('attributes', [{'offset': (1, 2)}, {'center_crop': True}, {}])
def test_crop_to_a_size_and_to_that_of_another_tensor(attributes):
    assert_same(mx.sym.Crop(X, num_args=1, h_w=(3, 2), **attributes), *SHAPES)
    assert_same(mx.sym.Crop(X, Y, num_args=2, **attributes), *PAIRS)


@pytest.mark.parametrize('name', ['depth_to_space', 'space_to_depth'])
def test_blocks_of_pixels_become_channels_and_back(name):
    assert_same(getattr(mx.sym, name)(X, block_size=2), {'data': (1, 8, 4, 6)},
                {'data': (2, 8, 2, 8)})


@pytest.mark.parametrize('scale', [1, 2, 3])
def test_upsampling_repeats_pixels(scale):
    assert_same(mx.sym.UpSampling(X, scale=scale, sample_type='nearest', num_args=1), *SHAPES)


def test_upsampling_of_several_tensors_is_refused():
    symbol = mx.sym.UpSampling(X, Y, scale=2, sample_type='nearest', num_args=2)
    with pytest.raises(ValueError, match='expected UpSampling with one input, found 2'):
        onnx_session(symbol, {}, [{'data': (2, 3, 6, 4), 'other': (2, 3, 3, 2)}])


@pytest.mark.parametrize('scale', [2, 3, 4])
def test_bilinear_upsampling_is_the_deconvolution_of_its_weight(scale):
    assert_same(mx.sym.UpSampling(X, mx.sym.var('weight'), scale=scale, sample_type='bilinear',
                                  num_filter=4, num_args=2), *SHAPES)


@pytest.mark.parametrize('aligned', [True, False])
@pytest.mark.parametrize('attributes', [
    {'height': 9, 'width': 3}, {'height': 1, 'width': 12}, {'scale_height': 1.7,
                                                            'scale_width': 0.6}])
def test_bilinear_resizing_of_any_size(attributes, aligned):
    assert_same(mx.sym.contrib.BilinearResize2D(X, align_corners=aligned, **attributes), *SHAPES)


@pytest.mark.parametrize('attributes', [
    {'mode': 'odd_scale', 'scale_height': 2.5, 'scale_width': 0.5}, {'mode': 'to_even_up'}])
def test_bilinear_resizing_by_parity_needs_a_fixed_size(attributes):
    symbol = mx.sym.contrib.BilinearResize2D(X, **attributes)
    assert_same(symbol, {'data': (2, 4, 6, 5)}, {'data': (3, 4, 6, 5)})
    with pytest.raises(ValueError, match='needs a fixed input size'):
        onnx_session(symbol, {}, list(SHAPES))


def test_bilinear_resizing_to_the_size_of_another_tensor():
    assert_same(mx.sym.contrib.BilinearResize2D(X, Y, mode='like'), *PAIRS)


@pytest.mark.parametrize('shape', [(6, 5, 3), (2, 6, 5, 3)])
def test_transforms_of_images(shape):
    tensor = mx.sym.image.to_tensor(X)
    for mean, std in (((0.1, 0.2, 0.3), (0.5, 0.6, 0.7)), ((0.5,), (2.0,))):
        assert_same(mx.sym.image.normalize(tensor, mean=mean, std=std), {'data': shape},
                    low=0, high=255)
