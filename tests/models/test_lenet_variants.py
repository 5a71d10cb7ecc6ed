"""The LeNets for the exercises: what each has and lacks beside `lenet_bn`."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn
from reference import three_steps

import gluonblocks as gb
from gluonblocks.blocks.other_norms import Centering, Scaling, Whitening

# Weights and biases without norms are 44,426: 156 + 2416 + 30840 + 10164 + 850. The channels and
# features that may be normalized are 6 + 16 + 120 + 84 = 226, each with a bias, gamma and beta.
PARAMETERS = {
    'lenet': 44426, 'lenet_bn_nobias': 44426 - 226 + 2 * 226, 'lenet_bn_fixed': 44426,
    'lenet_bn_conv': 44426 + 2 * (6 + 16), 'lenet_bn_dense': 44426 + 2 * (120 + 84),
    'lenet_dropout': 44426, 'lenet_bn_mean': 44426 + 2 * 226, 'lenet_bn_var': 44426 + 2 * 226,
    'lenet_whitened': 44426 + 2 * 226}
NORMS = {'lenet': [], 'lenet_bn_nobias': [gb.BatchNorm] * 4, 'lenet_bn_fixed': [gb.BatchNorm] * 4,
         'lenet_bn_conv': [gb.BatchNorm] * 2, 'lenet_bn_dense': [gb.BatchNorm] * 2,
         'lenet_dropout': [nn.Dropout] * 4, 'lenet_bn_mean': [Centering] * 4,
         'lenet_bn_var': [Scaling] * 4, 'lenet_whitened': [Whitening] * 4}
PLAIN = (nn.Conv2D, nn.Dense, nn.Activation, nn.MaxPool2D)
VARIANTS = gb.list_models('exercises')


def initialized(name, **kwargs):
    net = gb.get_model(name, **kwargs)
    net.initialize(mx.init.Xavier())
    net(nd.zeros((2, 1, 28, 28)))
    return net


@pytest.mark.parametrize('name', VARIANTS)
def test_a_variant_is_lenet_with_its_own_layers_and_the_parameters_of_its_arithmetic(name):
    net = initialized(name)
    assert [type(layer) for layer in net if not isinstance(layer, PLAIN)] == NORMS[name]
    assert [type(layer) for layer in net if isinstance(layer, PLAIN)] == [
        type(layer) for layer in gb.get_model('lenet')]
    assert PARAMETERS[name] == sum(param.data().size for param in net.collect_params().values()
                                   if param.grad_req != 'null')


@pytest.mark.parametrize('value', ['0', '1'])
@pytest.mark.parametrize('name', VARIANTS)
def test_a_hybridized_variant_trains_and_predicts_as_the_plain_one(name, value, tmp_path,
                                                                   monkeypatch):
    monkeypatch.setenv('GLUONBLOCKS_OPERATORS', value)
    X, y = nd.random.uniform(shape=(64, 1, 28, 28)), nd.arange(64) % 10
    how = {'rate': 0} if name == 'lenet_dropout' else {}  # its masks would differ
    plain, traced = initialized(name, **how), gb.get_model(name, **how)
    plain.save_parameters(str(tmp_path / 'start'))
    traced.load_parameters(str(tmp_path / 'start'))
    traced.hybridize(static_alloc=True)
    outputs = []
    for net in (plain, traced):
        three_steps(net, X, y)
        outputs.append(net(X).asnumpy())
    # Steps make rounding larger: three of lenet_bn_dense end 1e-2 from float64's by either.
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-3, atol=2e-3)


def test_fixed_gamma_and_beta_are_1_and_0_after_training():
    net = initialized('lenet_bn_fixed')
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 1.0})
    with autograd.record():
        loss = net(nd.random.uniform(shape=(8, 1, 28, 28))).square().sum()
    loss.backward()
    trainer.step(8)
    assert (net[1].gamma.data() == 1).asnumpy().all() and (net[1].beta.data() == 0).asnumpy().all()
    assert np.abs(net[1].moving_mean.data().asnumpy()).max() > 0
