"""A model trained by its recipe, and images that a net cannot take."""
import numpy as np
import pytest
from conftest import replace_dataset, smaller
from small_runs import WHOLE

import gluonblocks as gb
from gluonblocks.checks import OptionError
from gluonblocks.data import BatchLoader


def train(name='lenet_bn', **kwargs):
    net, history = gb.train_model(name, **dict(WHOLE, **kwargs))
    weights = [p.data().asnumpy() for p in net.collect_params().values()]
    return [r[:4] for r in history], weights


@pytest.mark.parametrize('name', ['lenet_bn', 'lenet_bn_gluon', 'resnet', 'densenet'])
def test_a_model_learns_the_synthetic_data_by_its_recipe(name, monkeypatch):
    # The recipes' learning rates are for 60,000 images; on 32 the loss goes down by leaps.
    smaller(monkeypatch, num_train=32, num_test=8)
    losses = [loss for _, loss, _, _ in train(name, batch_size=8)[0]]
    assert len(losses) == 3 and losses[2] < losses[0] / 2


def test_the_seed_that_was_drawn_is_told_and_repeats_the_run_to_the_last_bit(whole, capsys):
    first, weights = train(seed=None)
    seed = int(capsys.readouterr().err.split('seed ')[1].split(',')[0])
    same, again = train(seed=seed)
    assert same == first != [r[:4] for r in whole.history]
    assert all((a == b).all() for a, b in zip(weights, again))


@pytest.mark.parametrize('model, resize, layer', [
    ('lenet_bn', 12, 'conv1'), ('densenet', 9, 'pool2')])
def test_resized_to_fewer_pixels_than_a_layer_takes_is_refused_by_that_option(
        model, resize, layer, capfd):
    said = 'than %d, because images of %d x %d pixels are too small for the model %s: .* its %s' % (
        resize, resize, resize, model, layer)
    with pytest.raises(OptionError, match=said) as caught:
        train(model, resize=resize)
    assert caught.value.option == 'resize'
    assert capfd.readouterr().out == ''  # neither the first line nor MXNet's table of shapes


def of_side(side, **how):
    labels = np.arange(20, dtype=np.int32) % 10
    return BatchLoader(np.zeros((20, side, side), np.uint8), labels, 10, **how)


def test_images_that_are_small_are_refused_unless_the_loader_resizes_them(monkeypatch):
    replace_dataset(monkeypatch, 'synthetic', lambda *args, **how: [of_side(8)] * 2)
    with pytest.raises(ValueError, match='images of 8 x 8 pixels are too small for the model '
                                         'lenet_bn: .* Set resize to a larger value'):
        train(epochs=1)
    replace_dataset(monkeypatch, 'synthetic', lambda *args, **how: [
        of_side(8, resize=(20, 24))] * 2)
    train(epochs=1)
