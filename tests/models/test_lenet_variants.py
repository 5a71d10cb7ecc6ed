"""The LeNets for the exercises: what each has and lacks beside `lenet_bn`."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.blocks.other_norms import Centering, Scaling, Whitening

# The trainable parameters, and the layers in the place of the norms. Weights and biases are 44,426
# without norms: 156 + 2416 + 30840 + 10164 + 850. The channels and features that may be normalized
# are 6 + 16 + 120 + 84 = 226, each with a bias, gamma and beta.
EXPECTED = {
    'lenet': (44426, []), 'lenet_dropout': (44426, [nn.Dropout] * 4),
    'lenet_bn_nobias': (44426 - 226 + 2 * 226, [gb.BatchNorm] * 4),
    'lenet_bn_fixed': (44426, [gb.BatchNorm] * 4),
    'lenet_bn_conv': (44426 + 2 * (6 + 16), [gb.BatchNorm] * 2),
    'lenet_bn_dense': (44426 + 2 * (120 + 84), [gb.BatchNorm] * 2),
    'lenet_bn_mean': (44426 + 2 * 226, [Centering] * 4),
    'lenet_bn_var': (44426 + 2 * 226, [Scaling] * 4),
    'lenet_whitened': (44426 + 2 * 226, [Whitening] * 4)}
PLAIN = (nn.Conv2D, nn.Dense, nn.Activation, nn.MaxPool2D)


def initialized(name):
    net = gb.get_model(name)
    net.initialize(mx.init.Xavier())
    net(nd.zeros((2, 1, 28, 28)))
    return net


@pytest.mark.parametrize('name', gb.list_models('exercises'))
def test_a_variant_is_lenet_with_its_own_layers_and_the_parameters_of_its_arithmetic(name):
    net = initialized(name)
    count = sum(param.data().size for param in net.collect_params().values()
                if param.grad_req != 'null')
    assert EXPECTED[name] == (count, [type(layer) for layer in net if not isinstance(layer, PLAIN)])
    assert [type(layer) for layer in net if isinstance(layer, PLAIN)] == [
        type(layer) for layer in gb.get_model('lenet')]


def test_fixed_gamma_and_beta_are_1_and_0_after_training():
    net = initialized('lenet_bn_fixed')
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 1.0})
    with autograd.record():
        loss = net(nd.random.uniform(shape=(8, 1, 28, 28))).square().sum()
    loss.backward()
    trainer.step(8)
    assert (net[1].gamma.data() == 1).asnumpy().all() and (net[1].beta.data() == 0).asnumpy().all()
    assert np.abs(net[1].moving_mean.data().asnumpy()).max() > 0
