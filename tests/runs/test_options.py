"""From what was asked to all that a run goes by."""
import mxnet as mx
import pytest

import gluonblocks as gb
from gluonblocks.runs.config import device_names
from gluonblocks.runs.resolve import resolve_options


def test_unset_is_the_recipes_and_the_books(model_name):
    options = resolve_options(model_name, {})
    recipe = gb.get_recipe(model_name)
    assert (options['lr'], options['batch_size'], options['epochs'], options['resize']) == (
        recipe.lr, recipe.batch_size, recipe.epochs, recipe.resize)
    assert (options['optimizer'], options['momentum'], options['lr_schedule'],
            options['label_smoothing'], options['early_stop'], options['dtype']) == (
                'sgd', None, 'constant', 0, None, 'float32')


@pytest.mark.parametrize('ctx, text', [
    ('cpu', 'cpu:0'), (mx.cpu(1), 'cpu:1'), ('cpu:0,1', 'cpu:0,1'),
    ([mx.cpu(0), mx.cpu(2)], 'cpu:0,2')])
def test_devices_are_a_list_and_are_written_as_they_are_read(ctx, text):
    devices = resolve_options('lenet_bn', {'ctx': ctx})['ctx']
    assert isinstance(devices, list) and device_names(devices) == text
    assert resolve_options('lenet_bn', {'ctx': text})['ctx'] == devices


@pytest.mark.parametrize('asked, said', [
    ({'epochs': 0}, 'epochs is 0, but must be at least 1'),
    ({'batch_size': 0}, 'batch_size is 0'),
    ({'momentum': 1}, 'momentum is 1, but must be at least 0 and below 1'),
    ({'label_smoothing': -0.1}, 'label_smoothing is -0.1'),
    ({'weight_decay': float('nan')}, 'weight_decay is nan'),
    ({'early_stop': 0}, 'early_stop is 0'),
    ({'lr_decay_epochs': [0]}, 'lr_decay_epochs is 0'),
    ({'lr': 1e300}, 'lr is 1e.300, but must be above 0 and below 3.40'),
    ({'seed': 2 ** 31}, 'seed is 2147483648'), ({'tensorboard': 'yes'}, "tensorboard is 'yes'"),
    ({'ctx': 'tpu'}, "ctx cannot be: there is no device 'tpu'"),
    ({'dtype': 'float64'}, "dtype is 'float64', but must be"),
    ({'dtype': 'float16', 'ctx': 'cpu'}, 'float16, which needs a GPU: on a CPU MXNet'),
])
def test_what_is_out_of_range_is_refused(asked, said):
    with pytest.raises(ValueError, match=said):
        resolve_options('lenet_bn', asked)


def test_an_unknown_option_is_a_type_error_with_the_list():
    with pytest.raises(TypeError, match='no option momentun; the options are: .*momentum'):
        gb.train_model('lenet_bn', dataset='synthetic', momentun=0.9)
