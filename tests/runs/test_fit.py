"""Images that a net cannot take are told before the first step."""
import numpy as np
import pytest

import gluonblocks as gb
from gluonblocks.data import BatchLoader, datasets
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


def test_images_that_are_small_by_themselves_are_refused_with_what_helps(monkeypatch):
    images, labels = np.zeros((20, 8, 8), np.uint8), np.arange(20) % 10

    def load(batch_size, **how):
        return tuple(BatchLoader(images, labels, batch_size) for _ in range(2))
    tiny = datasets.DataSet('tiny', load, tuple('abcdefghij'))
    monkeypatch.setitem(datasets._datasets, 'tiny', tiny)
    with pytest.raises(ValueError, match='images of 8 x 8 pixels are too small for the model '
                                         'lenet_bn: .*; they can be resized'):
        gb.train_model('lenet_bn', dataset='tiny', epochs=1)


def test_the_smallest_images_that_fit_are_trained_on():
    gb.train_model('lenet_bn', dataset='synthetic', epochs=1, resize=16)
