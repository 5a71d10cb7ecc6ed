"""Models of others by 'module:function'."""
import pytest

import gluonblocks as gb
from gluonblocks.models.registry import UNREGISTERED, name_of

NETS = '''
import gluonblocks as gb
from mxnet.gluon import nn
def ours(num_classes=10):
    return nn.Dense(num_classes, prefix='ours_')
def no_classes(classes):
    return nn.Dense(classes)
def nothing(num_classes=10):
    pass
def no_layers(num_classes=10):
    net = nn.HybridSequential()
    net.layers = [nn.Dense(num_classes)]
    return net
def breaks(num_classes=10):
    return ours(num_classes).no_such_thing
text = 'net'
'''


@pytest.fixture
def nets(write_module, registries):
    write_module('nets_of_ours', NETS)
    import nets_of_ours
    return nets_of_ours


def test_a_function_that_nobody_registered_is_a_model_with_the_common_recipe(nets):
    assert gb.get_model('nets_of_ours:ours', num_classes=3)._units == 3
    assert gb.get_recipe('nets_of_ours:ours') == UNREGISTERED == (0.1, 256, 5, None)
    assert name_of(nets.ours) == 'nets_of_ours:ours'


def test_a_registered_function_has_its_recipe_by_either_name(nets):
    gb.register(lr=0.7, epochs=2)(nets.ours)
    assert gb.get_recipe('nets_of_ours:ours') == gb.get_recipe('ours') == (0.7, 256, 2, None)
    assert name_of(nets.ours) == 'ours'


def test_a_factory_stands_for_its_name(nets):
    assert gb.get_model(nets.ours, num_classes=3)._units == 3
    assert gb.get_model(lambda num_classes: nets.ours(num_classes), num_classes=4)._units == 4
    assert gb.get_recipe(nets.ours) == UNREGISTERED
    assert len(gb.get_model(gb.resnet18)) == len(gb.resnet18(10))
    assert gb.get_recipe(gb.resnet18) == gb.get_recipe('resnet18')


@pytest.mark.parametrize('look_up', [gb.get_model, gb.get_recipe])
def test_neither_a_name_nor_a_factory_is_refused_in_words(nets, look_up):
    for model in (None, nets.ours()):
        with pytest.raises(ValueError, match='the model is .*, but must be a name, or a function'):
            look_up(model)


@pytest.mark.parametrize('name, said', [
    ('no_classes', "unexpected keyword argument 'num_classes'|missing a required"),
    ('nothing', 'makes a NoneType, but must make a net'),
    ('breaks', r"cannot be made: AttributeError: .*no_such_thing.*nets_of_ours.py, line 15\)"),
    ('no_layers', 'a net without parameters'),
    ('text', "the model .*:text is str, but must be a name, or a function that"),
    ('other', "has no 'other'; it has breaks, no_classes, no_layers, nothing, ours"),
])
def test_a_function_that_makes_no_net_is_refused_in_words(nets, name, said):
    with pytest.raises(ValueError, match=said):
        gb.get_model('nets_of_ours:' + name, num_classes=3)


def test_a_net_and_a_lambda_are_no_models(nets):
    with pytest.raises(ValueError, match='a net that is made already cannot be made again'):
        name_of(nets.ours())
    with pytest.raises(ValueError, match='the model is <function .*no lambda'):
        name_of(lambda num_classes: nets.ours(num_classes))
