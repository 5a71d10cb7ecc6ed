"""The book's models, the registry, and models of others by 'module:function'."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn
from reference import three_steps

import gluonblocks as gb
from gluonblocks.models.registry import UNREGISTERED, models_in_words, name_of

# From the book's text and its published code: trainable parameters; learning rate, batch size,
# epochs, resize.
BOOK = {
    'lenet_bn': (44878, (1.0, 256, 5, None)),
    'lenet_bn_gluon': (44878, (1.0, 256, 5, None)),
    'resnet': (17451018, (0.05, 256, 5, None)),
    'resnet18': (11175818, (0.1, 256, 4, None)),
    'densenet': (982506, (0.1, 256, 5, 96)),
}


def images(name, n=8):
    side = 32 if gb.get_recipe(name).resize else 28  # small, to be quick
    return nd.random.uniform(shape=(n, 1, side, side))


def initialized(name, **kwargs):
    net = gb.get_model(name, **kwargs)
    net.initialize(mx.init.Xavier())
    return net


def test_a_model_has_the_books_recipe_number_of_parameters_and_gradients_of_all_weights(model_name):
    net, X = initialized(model_name), images(model_name)
    with autograd.record():
        loss = gluon.loss.SoftmaxCrossEntropyLoss()(net(X), nd.arange(8))
    loss.backward()
    count = sum(p.data().size for p in net.collect_params().values() if p.grad_req != 'null')
    assert (count, gb.get_recipe(model_name)) == BOOK[model_name]
    for name, param in net.collect_params('.*weight|.*gamma').items():
        assert np.abs(param.grad().asnumpy()).max() > 0, name


@pytest.mark.parametrize('name', gb.list_models('book') + gb.list_models('exercises'))
def test_a_hybridized_net_trains_and_predicts_as_the_plain_one(name, tmp_path):
    # In float32 three steps of deep nets, or of few images, are 4e-3 off, whichever graph computes
    # them, and those of lenet_bn_dense 1e-2 from float64's.
    n, dtype = (4, 'float64') if name in ('resnet', 'densenet') else (8, 'float32')
    if name in gb.list_models('exercises'):
        n = 64
    X, y = images(name, n), nd.arange(n) % 10
    how = {'rate': 0} if name == 'lenet_dropout' else {}  # its masks would differ
    plain, traced = initialized(name, **how), gb.get_model(name, **how)
    plain(X)
    plain.save_parameters(str(tmp_path / 'start.params'))
    traced.load_parameters(str(tmp_path / 'start.params'))
    traced.hybridize(static_alloc=True)
    outputs = []
    for net in (plain, traced):
        net.cast(dtype)
        loss = three_steps(net, X.astype(dtype), y.astype(dtype))
        nd.waitall()
        outputs.append((net(X.astype(dtype)).asnumpy(), loss.asnumpy()))
    for a, b in zip(*outputs):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-3 if n == 64 else 1e-4)


def test_a_net_has_its_own_parameters_with_its_prefix_or_anothers_params(model_name):
    X = images(model_name, n=2)
    first = initialized(model_name, num_classes=3, prefix='left_')
    assert first(X).shape == (2, 3)
    assert all(name.startswith('left_') for name in first.collect_params())
    assert not set(first.collect_params()) & set(gb.get_model(model_name).collect_params())
    second = gb.get_model(model_name, num_classes=3, prefix='right_', params=first.collect_params())
    pairs = list(zip(first.collect_params().values(), second.collect_params().values()))
    assert pairs and all(ours is theirs for theirs, ours in pairs)


def test_unknown_model_is_refused_with_those_near_it_or_with_the_list_of_all():
    for look_up in (gb.get_model, gb.get_recipe):
        with pytest.raises(ValueError, match="unknown model 'resnet50': did you mean "
                                             r'.*paper_resnet50.*\? Names such as '):
            look_up('resnet50')
        with pytest.raises(ValueError, match="unknown model 'qqqq'. Available models: "
                                             'from the book: densenet, lenet_bn, '):
            look_up('qqqq')
    words = models_in_words()
    assert 'paper_resnet(18|34|50|101|152)_v2' in words and 'resnet, resnet18;' in words


def test_the_books_models_are_listed_first_and_each_group_alone():
    assert gb.list_models()[:5] == gb.list_models('book') == [
        'densenet', 'lenet_bn', 'lenet_bn_gluon', 'resnet', 'resnet18']
    assert 'lenet' in gb.list_models('exercises') and 'densenet121' in gb.list_models('papers')
    for call in (gb.list_models, lambda group: gb.register(lr=1, group=group)):
        with pytest.raises(ValueError, match="group must be one of book, exerc.*, got 'zoo'"):
            call('zoo')


def test_a_model_is_registered_by_a_name_of_its_own_once_only(registries):
    register = gb.register(lr=1, name='mine')
    register(lambda num_classes=10: 'a net of %d' % num_classes)
    assert gb.get_model('mine', num_classes=3) == 'a net of 3'
    assert gb.list_models('others') == ['mine']
    with pytest.raises(ValueError, match="'mine' is already registered"):
        register(None)


def test_a_notebook_cell_that_registers_a_model_and_its_data_may_run_again(registries):
    cell = """
import gluonblocks as gb
@gb.register(lr=%g)
def in_a_cell(num_classes=10):
    return %d
def load(batch_size, resize=None, seed=None):
    return %d
gb.register_dataset('in a cell', load, ['a'])
"""
    for number in (1, 2):
        exec(cell % (number, number, number), {'__name__': '__main__'})
        assert gb.get_model('in_a_cell') == gb.get_recipe('in_a_cell').lr == number
        assert registries[1].find('in a cell').load(1) == number
    with pytest.raises(ValueError, match="'in_a_cell' is already registered"):
        exec(cell % (3, 3, 3), {'__name__': 'another'})


BLOCKS = [lambda: gb.BatchNorm(4, num_dims=4), lambda: gb.Residual(4),
          lambda: gb.resnet_block(6, 2), lambda: gb.conv_block(5),
          lambda: gb.DenseBlock(2, 3), lambda: gb.transition_block(3)]


@pytest.mark.parametrize('make', BLOCKS)
def test_a_block_trains_and_predicts_inside_other_peoples_nets(make, tmp_path):
    X = nd.random.uniform(shape=(8, 4, 6, 6))
    alone, net = make(), nn.HybridSequential()
    net.add(make(), nn.Activation('sigmoid'))
    alone.initialize(mx.init.Xavier())
    alone(X)
    start = str(tmp_path / 'start.params')
    nd.save(start, {'0.' + name: param.data()
                    for name, param in alone._collect_params_with_prefix().items()})
    net.load_parameters(start)
    net.hybridize()
    for training in (False, True, False):
        with autograd.record(train_mode=training):
            outputs = [net(X), nd.sigmoid(alone(X))]
        if training:
            autograd.backward(outputs)
        np.testing.assert_allclose(outputs[0].asnumpy(), outputs[1].asnumpy(), rtol=1e-4,
                                   atol=1e-5)


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


def test_a_function_is_a_model_with_the_common_recipe_until_it_is_registered(nets):
    assert gb.get_model(lambda num_classes: nets.ours(num_classes), num_classes=4)._units == 4
    for model in ('nets_of_ours:ours', nets.ours):
        assert gb.get_model(model, num_classes=3)._units == 3
        assert gb.get_recipe(model) == UNREGISTERED == (0.1, 256, 5, None)
    assert name_of(nets.ours) == 'nets_of_ours:ours'
    gb.register(lr=0.7, epochs=2)(nets.ours)
    for model in ('nets_of_ours:ours', 'ours', nets.ours):
        assert gb.get_recipe(model) == (0.7, 256, 2, None)
    assert name_of(nets.ours) == 'ours'


def test_neither_a_name_nor_a_factory_is_refused_in_words(nets):
    for model in (None, nets.ours()):
        for look_up in (gb.get_model, gb.get_recipe, name_of):
            with pytest.raises(ValueError, match='the model must be a name, or a function .*got '):
                look_up(model)
    with pytest.raises(ValueError, match='the model is <function .*not a lambda'):
        name_of(lambda num_classes: nets.ours(num_classes))


@pytest.mark.filterwarnings('ignore:.*is an unregistered container with Blocks')
@pytest.mark.parametrize('name, said', [
    ('no_classes', "unexpected keyword argument 'num_classes'.*A factory must accept num_classes"),
    ('nothing', 'must return a net .*, got NoneType'),
    ('breaks', r"failed: AttributeError: .*no_such_thing.*nets_of_ours.py, line 15\)"),
    ('no_layers', 'the net of .* has no parameters'),
    ('text', 'the model .*:text must be a name, or a function .*, got str'),
])
def test_a_function_that_makes_no_net_is_refused_in_words(nets, name, said):
    with pytest.raises(ValueError, match=said):
        gb.get_model('nets_of_ours:' + name, num_classes=3)
