"""Attention and Gluon's transforms of images in ONNX compute what MXNet's do."""
import mxnet as mx
import pytest
from operators_in_onnx import assert_same

A, B = mx.sym.var('a'), mx.sym.var('b')


@pytest.mark.parametrize('heads', [1, 3])
def test_attention_of_any_batch_and_length(heads):
    for n, t, s in ((1, 4, 5), (2, 3, 7)):
        own, others = {'a': (t, n, 3 * heads * 4)}, {'b': (s, n, 2 * heads * 4)}
        more = {'a': (t + 1, n + 1, 3 * heads * 4)}, {'b': (s + 1, n + 1, 2 * heads * 4)}
        assert_same(mx.sym.contrib.interleaved_matmul_selfatt_qk(A, heads=heads), own, more[0])
        assert_same(mx.sym.contrib.interleaved_matmul_selfatt_valatt(A, B, heads=heads),
                    dict(own, b=(n * heads, t, t)),
                    dict(more[0], b=((n + 1) * heads, t + 1, t + 1)))
        assert_same(mx.sym.contrib.interleaved_matmul_encdec_qk(A, B, heads=heads),
                    dict(others, a=(t, n, heads * 4)), dict(more[1], a=(t + 1, n + 1, heads * 4)))
        assert_same(mx.sym.contrib.interleaved_matmul_encdec_valatt(B, A, heads=heads),
                    dict(others, a=(n * heads, t, s)),
                    dict(more[1], a=((n + 1) * heads, t + 1, s + 1)))


@pytest.mark.parametrize('shape', [(6, 5, 3), (2, 6, 5, 3)])
def test_transforms_of_images(shape):
    X = mx.sym.image.to_tensor(A)
    for mean, std in (((0.1, 0.2, 0.3), (0.5, 0.6, 0.7)), ((0.5,), (2.0,))):
        assert_same(mx.sym.image.normalize(X, mean=mean, std=std), {'a': shape}, low=0, high=255)
