"""Images that a net cannot take are told before the first step."""
import numpy as np
import pytest
from mxnet import nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.data import BatchLoader, datasets
from gluonblocks.runs import fit
from gluonblocks.runs.options import OptionError


@pytest.mark.parametrize('model, resize, layer', [
    ('lenet_bn', 4, 'conv0'), ('lenet_bn', 12, 'conv1'), ('densenet', 9, 'pool2')])
def test_resized_to_fewer_pixels_than_a_layer_takes_is_refused_by_that_option(
        model, resize, layer, capfd):
    said = 'is %d, but images of %d x %d pixels are too small for the model %s: at its %s' % (
        resize, resize, resize, model, layer)
    with pytest.raises(OptionError, match=said) as caught:
        gb.train_model(model, dataset='synthetic', epochs=1, resize=resize)
    assert caught.value.option == 'resize'
    assert capfd.readouterr().out == ''  # neither the first line nor MXNet's table of shapes


@pytest.fixture
def register(monkeypatch):
    """Register a data set, `tiny`, by what makes a loader of it."""
    def register(make):
        tiny = datasets.DataSet('tiny', lambda *how, **more: (make(), make()), tuple('abcdefghij'))
        monkeypatch.setitem(datasets.DATASETS.entries, 'tiny', tiny)
    return register


def of_side(side):
    return np.zeros((20, side, side), np.uint8), np.arange(20, dtype=np.int32) % 10


def test_images_that_are_small_by_themselves_are_refused_with_what_helps(register):
    register(lambda: BatchLoader(*of_side(8), 10))
    with pytest.raises(ValueError, match='images of 8 x 8 pixels are too small for the model '
                                         'lenet_bn: .*; they can be resized'):
        gb.train_model('lenet_bn', dataset='tiny', epochs=1)


def test_a_loader_may_resize_its_images_by_itself(register):
    register(lambda: BatchLoader(*of_side(8), 10, resize=(20, 24)))
    gb.train_model('lenet_bn', dataset='tiny', epochs=1)


def test_a_loader_that_does_not_tell_its_images_is_believed():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(2, kernel_size=40), nn.GlobalAvgPool2D(), nn.Dense(10))
    net.initialize()
    options = {'resize': None, 'model': 'large', 'channels': 1, 'picture_size': [28, 28]}
    fit.check_images(net, [(nd.zeros((4, 1, 96, 96)), nd.zeros(4))], options)
    with pytest.raises(ValueError, match='28 x 28 pixels'):
        fit.check_images(net, BatchLoader(*of_side(28), 10), options)


def test_the_smallest_images_that_fit_are_trained_on():
    gb.train_model('lenet_bn', dataset='synthetic', epochs=1, resize=16)
