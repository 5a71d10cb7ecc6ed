"""Operators on images in ONNX compute what MXNet's do."""
import mxnet as mx
import numpy as np
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


@pytest.mark.parametrize('mode', ['concat', 'sum'])
def test_upsampling_of_several_inputs_to_one_size(mode):
    symbol = mx.sym.UpSampling(X, Y, scale=2, sample_type='nearest', num_args=2,
                               multi_input_mode=mode)
    assert_same(symbol, {'data': (2, 3, 6, 4), 'other': (2, 3, 3, 2)},
                {'data': (1, 3, 4, 4), 'other': (1, 3, 2, 2)})


@pytest.mark.parametrize('scale', [2, 3, 4])
def test_bilinear_upsampling_is_the_deconvolution_of_its_weight(scale):
    assert_same(mx.sym.UpSampling(X, mx.sym.var('weight'), scale=scale, sample_type='bilinear',
                                  num_filter=4, num_args=2), *SHAPES)


@pytest.mark.parametrize('aligned', [True, False])
@pytest.mark.parametrize('attributes', [
    {'height': 9, 'width': 3}, {'height': 1, 'width': 12}, {'mode': 'to_even_up'},
    {'scale_height': 1.7, 'scale_width': 0.6},
    {'mode': 'odd_scale', 'scale_height': 2.5, 'scale_width': 0.5},
    {'mode': 'to_even_down'}, {'mode': 'to_odd_up'}, {'mode': 'to_odd_down'}])
def test_bilinear_resizing_by_every_mode(attributes, aligned):
    assert_same(mx.sym.contrib.BilinearResize2D(X, align_corners=aligned, **attributes), *SHAPES)


def test_bilinear_resizing_to_the_size_of_another_tensor():
    assert_same(mx.sym.contrib.BilinearResize2D(X, Y, mode='like'), *PAIRS)


def test_sampling_at_points_inside_and_outside_the_image():
    assert_same(mx.sym.BilinearSampler(X, Y), {'data': (2, 3, 4, 5), 'other': (2, 2, 3, 6)},
                {'data': (1, 3, 6, 4), 'other': (1, 2, 5, 2)}, low=-1.6, high=1.6)


def test_an_affine_transform_of_an_image():
    pairs = {'data': (2, 3, 5, 4), 'other': (2, 6)}, {'data': (3, 3, 4, 6), 'other': (3, 6)}
    assert_same(mx.sym.GridGenerator(Y, transform_type='affine', target_shape=(3, 5)),
                *[{'other': each['other']} for each in pairs])
    assert_same(mx.sym.SpatialTransformer(
        X, Y, target_shape=(3, 5), transform_type='affine', sampler_type='bilinear'), *pairs)


def test_a_warp_by_an_optical_flow():
    symbol = mx.sym.GridGenerator(X, transform_type='warp')
    assert_same(symbol, {'data': (2, 2, 4, 5)}, {'data': (3, 2, 4, 5)}, low=-3, high=3)
    with pytest.raises(ValueError, match='fixed image size'):
        onnx_session(symbol, {}, [{'data': (1, 2, 4, 5)}, {'data': (1, 2, 6, 5)}])


def regions(count, images, side, seed):
    rng = np.random.RandomState(seed)
    low = rng.uniform(-2, side - 1, (count, 2))
    high = low + rng.uniform(0, side, (count, 2))
    return np.hstack([rng.randint(0, images, (count, 1)), low, high]).astype('float32')


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('pool', [
    lambda scale: mx.sym.ROIPooling(X, mx.sym.var('rois'), pooled_size=(3, 2), spatial_scale=scale),
    lambda scale: mx.sym.contrib.ROIAlign(X, mx.sym.var('rois'), pooled_size=(2, 3),
                                          spatial_scale=scale, sample_ratio=2),
    lambda scale: mx.sym.contrib.ROIAlign(X, mx.sym.var('rois'), pooled_size=(2, 2),
                                          spatial_scale=scale)])
def test_regions_of_interest(pool, seed):
    scale = (0.5, 1.0, 0.25)[seed]
    assert_same(pool(scale), {'data': (2, 3, 8, 9)}, {'data': (2, 3, 11, 7)},
                params={'rois': regions(7, 2, 8 / scale, seed)})


@pytest.mark.parametrize('name', ['position_sensitive', 'aligned'])
def test_what_roi_align_has_no_counterpart_for_is_refused(name):
    symbol = mx.sym.contrib.ROIAlign(X, Y, pooled_size=(2, 2), spatial_scale=1.0, **{name: True})
    with pytest.raises(ValueError, match='%s=True has no counterpart' % name):
        onnx_session(symbol, {}, [{'data': (1, 4, 8, 8), 'other': (3, 5)}])


@pytest.mark.parametrize('shape', [(6, 5, 3), (2, 6, 5, 3)])
def test_transforms_of_images(shape):
    tensor = mx.sym.image.to_tensor(X)
    for mean, std in (((0.1, 0.2, 0.3), (0.5, 0.6, 0.7)), ((0.5,), (2.0,))):
        assert_same(mx.sym.image.normalize(tensor, mean=mean, std=std), {'data': shape},
                    low=0, high=255)
