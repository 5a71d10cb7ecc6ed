"""The operators over several steps: grad_req, devices, repeated backward passes, processes."""
import os

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd
from mxnet.gluon import nn
from operator_nets import images, loss_of, same_with_operators, small, state, step
from reference import close

import gluonblocks as gb
from gluonblocks.graphs.net import Net

pytestmark = pytest.mark.usefixtures('operators')


@pytest.mark.parametrize('added', ['weight', 'gamma', 'beta', 'weight|gamma|beta'])
def test_gradients_accumulate_with_grad_req_add(monkeypatch, added):
    def use(net):
        net.collect_params('.*(%s)' % added).setattr('grad_req', 'add')
        return step(net, images(6, 1, 8, 8), 3)
    same_with_operators(monkeypatch, lambda: small(nn.Dense(3), nn.BatchNorm()), use, 5e-4)


@pytest.mark.parametrize('request_', ['write', 'add', 'null'])
def test_the_gradient_of_the_input_follows_its_grad_req(monkeypatch, request_):
    def use(net):
        X = images(6, 2, 8, 8)
        X.attach_grad(request_)
        step(net, X, 3)
        return {} if request_ == 'null' else {'X': X.grad}
    same_with_operators(monkeypatch, small, use)
    same_with_operators(monkeypatch,
                        lambda: (lambda net: net.add(gb.BatchNorm(2, 4)) or net)(Net()), use)


class Learned(nn.HybridBlock):
    """Layers whose input is a learned array."""

    def __init__(self, shape, *layers):
        super().__init__()
        self.layers, self.array = nn.HybridSequential(), self.params.get('weight', shape=shape)
        self.layers.add(*layers)

    def hybrid_forward(self, F, X, array):
        return F.broadcast_mul(self.layers(array), X)


@pytest.mark.parametrize('request_', ['write', 'add'])
@pytest.mark.parametrize('shape, make', [
    ((8, 5), lambda: [gb.BatchNorm(5, 2)]),
    ((4, 2, 6, 6), lambda: [nn.Conv2D(3, 3), gb.BatchNorm(3, 4)])])
def test_so_does_the_gradient_of_a_learned_input(monkeypatch, shape, make, request_):
    def use(net):
        net[0].array.grad_req = request_
        return step(net, images(*[1] * len(shape)), 3)

    def learned():
        net = Net()
        net.add(Learned(shape, *make()))
        return net
    same_with_operators(monkeypatch, learned, use)


def test_grad_req_may_change_between_steps(monkeypatch):
    def use(net):
        X = images(6, 2, 8, 8)
        step(net, X)
        X.attach_grad()  # the gradient is needed from here on
        step(net, X)
        net.collect_params('.*(weight|gamma)').setattr('grad_req', 'add')
        return dict(step(net, X, 2), X=X.grad)
    same_with_operators(monkeypatch, small, use)


@pytest.mark.parametrize('frozen', [':2', '2:4'])
def test_parameters_can_be_frozen_and_unfrozen(monkeypatch, frozen):
    def use(net):
        found, X = {}, images(6, 1, 8, 8)
        step(net, X)
        params = list(net.collect_params('.*(weight|bias|gamma|beta)').values())
        for grad_req in ('null', 'write'):
            for param in params[slice(*[int(n) if n else None for n in frozen.split(':')])]:
                param.grad_req = grad_req
            found.update({grad_req + name: array.copy() for name, array in step(net, X).items()})
        return found
    same_with_operators(monkeypatch, small, use)


def test_two_devices_do_not_mix_their_values(monkeypatch):
    def use(net):
        found, devices = {}, (mx.cpu(0), mx.cpu(1))
        with autograd.record():
            outputs = [net(images(6, 1, 8, 8, seed=i).as_in_context(ctx))
                       for i, ctx in enumerate(devices)]
            losses = [(Y ** 3).sum() for Y in outputs]
        for loss in losses:
            loss.backward()
        for i, param in enumerate(net.collect_params('.*(weight|running_.*|moving_.*)').values()):
            for j, ctx in enumerate(devices):
                found['%d %d' % (i, j)] = (param.data(ctx) if param.grad_req == 'null' else
                                           param.grad(ctx))
        return found
    same_with_operators(monkeypatch, small, use)


def test_several_forward_passes_may_precede_their_backward_passes(monkeypatch):
    def use(net):
        batches, found = [images(6, 1, 8, 8, seed=i) for i in range(2)], {}
        with autograd.record():
            losses = [loss_of(net(X)) for X in batches]
        for i, loss in enumerate(losses):
            for _ in range(2):
                loss.backward(retain_graph=True)
            # Our operators update averages in the forward pass, MXNet's in the backward pass.
            found.update({'%d %s' % (i, name): array.copy() for name, array in state(net).items()
                          if 'gradient' in name})
        return found
    same_with_operators(monkeypatch, small, use)


def test_a_forked_process_can_train(monkeypatch):
    net, X = small(), images(40, 1, 8, 8)
    net.initialize()
    net.hybridize()
    expected = step(net, X)['out'].asnumpy()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, step(net, X)['out'].asnumpy().tobytes())
        os._exit(0)
    os.close(writing)
    with open(reading, 'rb') as pipe:
        got = np.frombuffer(pipe.read(), 'float32')
    os.waitpid(child, 0)
    close(got, expected.ravel(), 1e-6)
