"""Pictures within the ONNX graph, beside MXNet's own resizing of them."""
import numpy as np
import onnx
import pytest
from mxnet import nd
from onnx import TensorProto, helper

from gluonblocks.data.batches import BatchLoader
from gluonblocks.export.onnx import engine
from gluonblocks.export.preprocessing import add_preprocessing


def preprocessed(pictures, shape, size):
    """What a net of input (C, H, W) = `shape` gets of uint8 `pictures` of `size`."""
    model = helper.make_model(helper.make_graph(
        [helper.make_node('Identity', ['data'], ['logits'])], 'net',
        [helper.make_tensor_value_info('data', TensorProto.FLOAT, ['N'] + list(shape))],
        [helper.make_tensor_value_info('logits', TensorProto.FLOAT, ['N'] + list(shape))]),
        opset_imports=[helper.make_opsetid('', 13)])
    model.ir_version = 8
    add_preprocessing(model, shape, size)
    onnx.checker.check_model(model, full_check=True)
    return engine(model.SerializeToString())(pictures)


@pytest.mark.parametrize('size, resize', [
    ((28, 28), (28, 28)), ((28, 28), (96, 96)), ((28, 28), (32, 32)), ((28, 28), (299, 299)),
    ((28, 28), (20, 20)), ((28, 28), (7, 7)), ((28, 28), (1, 1)), ((28, 20), (33, 50)),
    ((9, 40), (40, 9))])
def test_pictures_come_out_as_the_loader_gives_them_bit_by_bit(size, resize):
    pictures = np.random.RandomState(0).randint(0, 256, (20,) + size).astype(np.uint8)
    (X, _), = BatchLoader(pictures, np.zeros(20, np.int32), 20, resize=resize)
    np.testing.assert_array_equal(preprocessed(pictures, (1,) + resize, size), X.asnumpy())


def test_colour_pictures_keep_their_channels():
    pictures = np.random.RandomState(0).randint(0, 256, (4, 3, 8, 8)).astype(np.uint8)
    got = preprocessed(pictures, (3, 16, 16), (8, 8))
    want = nd.image.resize(nd.array(pictures.transpose(0, 2, 3, 1), dtype='uint8'), size=(16, 16))
    want = want.asnumpy().transpose(0, 3, 1, 2).astype('float32') / np.float32(255)
    np.testing.assert_array_equal(got, want)
