"""What the nets of the zoos need: None among outputs, constants, large images, hard activations."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import nd
from mxnet.gluon import nn
from torch_nets import described, trained

import gluonblocks as gb
from gluonblocks.export.onnx import _LARGE, engine

onnx = pytest.importorskip('onnx')
rng = np.random.RandomState(0)


class Detector(nn.HybridBlock):
    """Boxes, nested scores and None, from a constant that is larger than the image needs."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.conv = nn.Conv2D(4, 3, padding=1)
            self.anchors = self.params.get_constant('anchors', rng.rand(1, 1, 20, 20))

    def hybrid_forward(self, F, X, anchors):
        X = self.conv(X)
        near = F.slice_like(anchors, X * 0, axes=(2, 3))
        return F.broadcast_add(X, near), [F.sigmoid(X), None], None


def test_nested_outputs_none_and_constants_are_exported(tmp_path):
    net = trained(Detector(), (3, 6, 5))
    export = gb.export_net(net, (3, 6, 5), str(tmp_path / 'out'))
    assert export.info['outputs'] == ['output0', 'output1']
    X = rng.rand(2, 3, 6, 5).astype('float32')
    boxes, (scores, _), _ = net(nd.array(X))
    found = engine(str(tmp_path / 'out' / 'model.onnx'))((X,))
    for wanted, array in zip((boxes, scores), found):
        np.testing.assert_allclose(array, wanted.asnumpy(), rtol=1e-5, atol=1e-6)


def small_classifier(*layers):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, strides=8), *layers)
    net.add(nn.GlobalAvgPool2D(), nn.Dense(3))
    return net


@pytest.mark.parametrize('shape, largest', [((3, 96, 96), 85), ((3, 224, 224), 15),
                                            ((1, 28, 28), 256)])
def test_batches_of_large_images_are_smaller(tmp_path, shape, largest):
    export = gb.export_net(trained(small_classifier(), shape), shape, str(tmp_path / 'out'))
    assert set(export.milliseconds) == {1, largest}
    assert export.formats[0].verified.images == largest


def test_a_file_written_weight_by_weight_has_the_weights_of_the_net(tmp_path):
    net = nn.HybridSequential()
    net.add(nn.Dense(40), nn.Dense(30), nn.Dense(3))
    trained(net, (1, 6, 6))
    gb.export_net(net, (1, 6, 6), str(tmp_path / 'out'))
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in
               onnx.load(str(tmp_path / 'out' / 'model.onnx')).graph.initializer}
    params = {name: param.data().asnumpy() for name, param in net.collect_params().items()}
    sizes = [array.nbytes for array in params.values()]
    assert min(sizes) < _LARGE < max(sizes)  # both ways of writing
    assert set(tensors) == set(params)
    for name, array in params.items():
        np.testing.assert_array_equal(tensors[name], array)


class Gate(nn.HybridBlock):
    """X times relu6(X + 3) / 6, times the same of its own mean."""

    def hybrid_forward(self, F, X):
        X = X * (F.clip(X + 3, 0, 6) / 6)
        mean = F.mean(X, axis=(2, 3), keepdims=True)
        return F.broadcast_mul(X, F.clip(mean + 3, 0, 6) / 6)


def test_hard_activations_and_long_lines_in_pytorch_are_as_people_write_them(tmp_path):
    pytest.importorskip('torch')
    from gluonblocks.export.torch.code import torch_code
    net = trained(small_classifier(
        nn.Conv2D(1000, 1, groups=4), Gate(),
        nn.Conv2D(1000, (3, 5), padding=(1, 2), strides=(1, 2), groups=1000, use_bias=False)),
        (3, 16, 16))
    code = torch_code(described(net, (3, 16, 16)))
    assert 'F.hardswish(' in code and 'F.hardsigmoid(' in code and 'relu6' not in code
    assert max(map(len, code.split('\n'))) <= 100
    X = mx.nd.random.uniform(-9, 9, (4, 3, 16, 16)).asnumpy()
    gb.export_net(net, (3, 16, 16), str(tmp_path / 'out'), 'torch', data=X)  # compares
