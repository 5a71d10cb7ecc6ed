"""Every registered model, and the registry itself."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn
from reference import three_steps

import gluonblocks as gb
from gluonblocks.models import registry as models

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
    side = gb.get_recipe(name).resize or 28
    return nd.random.uniform(shape=(n, 1, side, side))


def initialized(name, **kwargs):
    net = gb.get_model(name, **kwargs)
    net.initialize(mx.init.Xavier())
    return net


def test_model_has_the_books_number_of_trainable_parameters(model_name):
    net = initialized(model_name)
    net(images(model_name))
    count = sum(p.data().size for p in net.collect_params().values() if p.grad_req != 'null')
    assert count == BOOK[model_name][0]


def test_a_models_recipe_is_the_books(model_name):
    assert gb.get_recipe(model_name) == BOOK[model_name][1]


def test_a_models_output_has_a_number_for_each_class(model_name):
    assert initialized(model_name)(images(model_name)).shape == (8, 10)
    assert initialized(model_name, num_classes=3)(images(model_name)).shape == (8, 3)


def test_every_weight_of_a_model_gets_a_gradient(model_name):
    net = initialized(model_name)
    with autograd.record():
        loss = gluon.loss.SoftmaxCrossEntropyLoss()(net(images(model_name)), nd.arange(8))
    loss.backward()
    for name, param in net.collect_params('.*weight|.*gamma').items():
        assert np.abs(param.grad().asnumpy()).max() > 0, name


def test_hybridized_net_trains_and_predicts_as_the_plain_one(model_name, tmp_path):
    X, y = images(model_name), nd.arange(8)
    plain, traced = initialized(model_name), gb.get_model(model_name)
    plain(X)
    plain.save_parameters(str(tmp_path / 'start.params'))
    traced.load_parameters(str(tmp_path / 'start.params'))
    traced.hybridize(static_alloc=True)
    outputs = []
    # In float32 three steps of deep nets are 4e-3 off and more, whichever graph computes them.
    dtype = 'float64' if model_name in ('resnet', 'densenet') else 'float32'
    for net in (plain, traced):
        net.cast(dtype)
        loss = three_steps(net, X.astype(dtype), y.astype(dtype))
        nd.waitall()
        outputs.append((net(X.astype(dtype)).asnumpy(), loss.asnumpy()))
    for a, b in zip(*outputs):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_lenet_has_the_shapes_of_its_arithmetic():
    # 28 - 5 + 1 = 24, halved 12; 12 - 5 + 1 = 8, halved 4; then 120, 84, 10.
    X = nd.zeros((2, 1, 28, 28))
    shapes = []
    for layer in initialized('lenet_bn'):
        X = layer(X)
        shapes.append(X.shape[1:])
    assert shapes == ([(6, 24, 24)] * 3 + [(6, 12, 12)] + [(16, 8, 8)] * 3 + [(16, 4, 4)] +
                      [(120,)] * 3 + [(84,)] * 3 + [(10,)])


def test_a_cell_that_reads_gamma_and_beta_gets_six_numbers():
    # In [6] of section 5.11.3 prints them for net[1].
    net = initialized('lenet_bn')
    assert net[1].gamma.data().reshape((-1,)).shape == (6,)
    assert net[1].beta.data().reshape((-1,)).shape == (6,)


def test_the_prefix_begins_every_parameters_name(model_name):
    net = gb.get_model(model_name, prefix='left_')
    assert net.prefix == 'left_'
    assert all(name.startswith('left_') for name in net.collect_params())


def test_a_net_made_of_anothers_params_shares_all_of_them(model_name):
    first = initialized(model_name)
    first(images(model_name, n=2))
    second = gb.get_model(model_name, prefix='other_', params=first.collect_params())
    pairs = list(zip(first.collect_params().values(), second.collect_params().values()))
    assert pairs and all(ours is theirs for theirs, ours in pairs)
    first[0].bias.set_data(nd.ones(first[0].bias.shape))
    X = images(model_name, n=2)
    np.testing.assert_array_equal(second(X).asnumpy(), first(X).asnumpy())


def test_two_nets_share_nothing_unless_asked(model_name):
    first, second = gb.get_model(model_name), gb.get_model(model_name)
    assert not set(first.collect_params()) & set(second.collect_params())


def test_output_of_features_is_the_models_output(model_name):
    net, X = initialized(model_name), images(model_name, n=2)
    np.testing.assert_array_equal(net.output(net.features(X)).asnumpy(), net(X).asnumpy())
    assert isinstance(net.output, nn.Dense)


def test_unknown_model_is_refused_with_those_near_it_and_the_list_of_all():
    for look_up in (gb.get_model, gb.get_recipe):
        with pytest.raises(ValueError, match="no model 'resnet50'; near it are .*paper_resnet50.*; "
                                             "the models are the book's: densenet, lenet_bn, "):
            look_up('resnet50')


def test_the_books_models_are_listed_first_and_each_group_alone():
    assert gb.list_models()[:5] == gb.list_models('book') == [
        'densenet', 'lenet_bn', 'lenet_bn_gluon', 'resnet', 'resnet18']
    assert 'lenet' in gb.list_models('exercises') and 'densenet121' in gb.list_models('papers')
    with pytest.raises(ValueError, match="group is 'zoo', but must be one of book, exercises, "):
        gb.list_models('zoo')
    with pytest.raises(ValueError, match="group is 'zoo', but must be one of book, exercises, "):
        gb.register(lr=1, group='zoo')


def test_names_that_differ_in_a_number_are_told_as_one():
    words = models.models_in_words()
    assert 'paper_resnet(18|34|50|101|152)_v2' in words and 'resnet, resnet18;' in words
    assert len(words) < 600


def test_a_factory_is_registered_by_a_name_of_its_own(registries):
    gb.register(lr=1, name='mine')(lambda num_classes=10: 'a net of %d' % num_classes)
    assert gb.get_model('mine', num_classes=3) == 'a net of 3'
    assert gb.list_models('others') == ['mine']


def test_a_models_name_can_be_registered_once_only():
    with pytest.raises(ValueError, match="'lenet_bn' is registered already"):
        @gb.register(lr=1)
        def lenet_bn():
            pass


def test_an_exported_model_predicts_the_same_from_its_files(model_name, tmp_path):
    net, X = initialized(model_name), images(model_name, n=2)
    with autograd.train_mode():
        net(X)
    net.hybridize()
    want = net(X).asnumpy()
    net.export(str(tmp_path / 'net'))
    imported = gluon.SymbolBlock.imports(str(tmp_path / 'net-symbol.json'), ['data'],
                                         str(tmp_path / 'net-0000.params'))
    np.testing.assert_allclose(imported(X).asnumpy(), want, rtol=1e-5, atol=1e-5)


BLOCKS = {
    'BatchNorm': lambda: gb.BatchNorm(4, num_dims=4), 'Residual': lambda: gb.Residual(4),
    'resnet_block': lambda: gb.resnet_block(6, 2), 'conv_block': lambda: gb.conv_block(5),
    'DenseBlock': lambda: gb.DenseBlock(2, 3), 'transition_block': lambda: gb.transition_block(3),
}


@pytest.mark.parametrize('container', [nn.Sequential, nn.HybridSequential])
@pytest.mark.parametrize('block', BLOCKS)
def test_a_block_trains_and_predicts_inside_other_peoples_nets(block, container, tmp_path):
    X = nd.random.uniform(shape=(8, 4, 6, 6))
    alone, net = BLOCKS[block](), container()
    net.add(BLOCKS[block](), nn.Activation('sigmoid'))
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
