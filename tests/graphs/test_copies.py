"""Copies of nets made by `copy.deepcopy` and `pickle` keep their state and can be trained."""
import copy
import pickle

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.graphs import Net

both = pytest.mark.parametrize('make_copy', [
    copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))], ids=['deepcopy', 'pickle'])
X, y = nd.array(np.random.RandomState(0).rand(8, 1, 8, 8)), nd.arange(8) % 3


def trained(kind=Net, ctx=None):
    """Return a hybridized net after one step of training, and its Trainer."""
    net = kind()
    net.add(nn.Conv2D(3, 3), gb.BatchNorm(3, num_dims=4), gb.Residual(3), nn.Dense(3))
    net.initialize(mx.init.Xavier(), ctx=ctx)
    net.hybridize(static_alloc=True)
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.1, 'momentum': 0.9})
    step(net, trainer)
    return net, trainer


def step(net, trainer):
    for ctx in net[0].weight.list_ctx():
        with autograd.record():
            loss = gluon.loss.SoftmaxCrossEntropyLoss()(net(X.as_in_context(ctx)),
                                                        y.as_in_context(ctx))
        loss.backward()
    trainer.step(8)


def predict(net):
    return net(X.as_in_context(net[0].weight.list_ctx()[0])).asnumpy()


@both
@pytest.mark.parametrize('kind', [Net, nn.HybridSequential])
def test_a_copy_predicts_the_same_bits_and_trains_independently(kind, make_copy):
    net, trainer = trained(kind)
    want, other = predict(net), make_copy(net)
    assert (predict(other) == want).all()
    for trained_net, idle in ((net, other), (other, net)):
        before = predict(idle)
        step(trained_net, gluon.Trainer(trained_net.collect_params(), 'sgd',
                                        {'learning_rate': 0.1}))
        assert (predict(trained_net) != want).any() and (predict(idle) == before).all()
    assert (predict(other) == predict(net)).all()


@both
def test_a_copy_keeps_settings_requests_gradients_and_devices(make_copy):
    net, _ = trained(ctx=[mx.cpu(0), mx.cpu(1)])
    net[0].weight.grad_req, net[0].bias.grad_req = 'add', 'null'
    net[3].weight.lr_mult = 0.5
    with autograd.record():
        net(X).sum().backward()
    other = make_copy(net)
    assert other._active and dict(other._flags)['static_alloc']
    assert other[0].bias.grad_req == 'null' and other[3].weight.lr_mult == 0.5
    for ours, theirs in zip(net.collect_params().values(), other.collect_params().values()):
        assert ours.name == theirs.name and ours.list_ctx() == theirs.list_ctx()
        assert [array.context for array in theirs.list_data()] == theirs.list_ctx()
    before = net[0].weight.grad(mx.cpu(0)).asnumpy()
    assert before.any() and (other[0].weight.grad(mx.cpu(0)).asnumpy() == before).all()
    with autograd.record():
        other(X).sum().backward()
    assert (other[0].weight.grad(mx.cpu(0)).asnumpy() != before).any()  # added to
    assert (net[0].weight.grad(mx.cpu(0)).asnumpy() == before).all()


@both
def test_uninitialized_nets_and_symbol_blocks_can_be_copied(make_copy):
    net = gb.get_model('lenet_bn')
    net.initialize()
    assert make_copy(net)(nd.ones((1, 1, 28, 28))).shape == (1, 10)
    block = gluon.SymbolBlock(mx.sym.FullyConnected(mx.sym.var('data'), num_hidden=3, name='fc'),
                              mx.sym.var('data'))
    block.initialize()
    want = block(X)
    assert (make_copy(block)(X) == want).asnumpy().all()
