"""The text of model.py, and the contents of model.safetensors; no test here needs PyTorch."""
import ast
import json
import re

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd
from mxnet.gluon import nn
from safetensors import safe_open
from torch_nets import described, small_net, trained

import gluonblocks as gb
from gluonblocks.export.description import NetDescription
from gluonblocks.export.torch import write as exporter
from gluonblocks.export.torch.code import torch_code


def code_of(net, shape=(1, 8, 8), **info):
    return torch_code(described(net, shape, **dict({'classes': []}, **info)))


def code_of_layers(*layers, shape=(2, 7, 7)):
    net = nn.HybridSequential()
    net.add(*layers)
    net.initialize()
    net(nd.zeros((1,) + shape))
    return code_of(net, shape)


def code_of_model(name, side):
    net = gb.get_model(name)
    net.initialize()
    net(nd.zeros((1, 1, side, side)))
    code = code_of(net, (1, side, side), model=name)
    tree = ast.parse(code)
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
               for alias in node.names}
    modules |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules == {'torch', 'torch.nn.functional', 'safetensors.torch'}
    assert max(map(len, code.splitlines())) <= 100
    return code


def test_lenets_forward_is_the_chapters_lines_with_their_shapes():
    code = code_of_model('lenet_bn', 28)
    assert code.split('    def forward(self, X):\n')[1].split('\n\n')[0] == '''\
        X = torch.sigmoid(self.bn1(self.conv1(X)))  # (N, 6, 24, 24)
        X = F.max_pool2d(X, 2)  # (N, 6, 12, 12)
        X = torch.sigmoid(self.bn2(self.conv2(X)))  # (N, 16, 8, 8)
        X = F.max_pool2d(X, 2)  # (N, 16, 4, 4)
        X = torch.sigmoid(self.bn3(self.fc1(torch.flatten(X, 1))))  # (N, 120)
        X = torch.sigmoid(self.bn4(self.fc2(X)))  # (N, 84)
        return self.fc3(X)  # (N, 10)'''
    assert 'self.fc3 = nn.Linear(84, num_classes)' in code
    assert 'self.bn3 = nn.BatchNorm1d(120)' in code


@pytest.mark.parametrize('name, classes, lines', [
    ('resnet', 3, [
        'self.stage1 = nn.Sequential(Residual(64), Residual(64), Residual(64))',
        'self.stage4 = nn.Sequential(ProjectedResidual(256, 512), Residual(512), Residual(512))',
        'Y = self.bn2(self.conv2(Y))', 'X = self.conv3(X)', 'return F.relu(Y + X)']),
    ('densenet', 2, [
        'self.stage3 = nn.Sequential(\n            DenseLayer(160),\n            DenseLayer(192),',
        'Y = self.conv1(Y)', 'return torch.cat([X, Y], dim=1)'])])
def test_blocks_that_differ_in_numbers_only_are_one_class(name, classes, lines):
    code = code_of_model(name, 96)
    assert [line for line in lines if line not in code] == []
    assert code.count('class ') == classes


@pytest.mark.parametrize('layer, line', [
    (nn.MaxPool2D(3, 2, ceil_mode=True), 'F.max_pool2d(X, 3, stride=2, ceil_mode=True)'),
    (nn.MaxPool2D((2, 3), (1, 2)), 'F.max_pool2d(X, (2, 3), stride=(1, 2))'),
    (nn.AvgPool2D(3, 2, 1, count_include_pad=False),
     'F.avg_pool2d(X, 3, stride=2, padding=1, count_include_pad=False)'),
    (nn.AvgPool2D(3, 2, 1), 'F.avg_pool2d(X, 3, stride=2, padding=1)'),
    (nn.GlobalMaxPool2D(), 'F.adaptive_max_pool2d(X, 1)'),
    (nn.LeakyReLU(0.1), 'F.leaky_relu(X, 0.1)'),
    (nn.HybridLambda(lambda F, X: F.clip(X, 0, 6)), 'F.relu6(X)'),
    (nn.HybridLambda('softmax'), 'F.softmax(X, dim=-1)'),
    (nn.HybridLambda(lambda F, X: F.maximum(X, F.relu(X))), 'torch.maximum(X, F.relu(X))'),
    (nn.HybridLambda(lambda F, X: (X + 3) * 2), 'return (X + 3) * 2'),
    (nn.Conv2D(6, (1, 3), (2, 1), (0, 1), (1, 2), groups=2, use_bias=False),
     'nn.Conv2d(2, num_classes, kernel_size=(1, 3), stride=(2, 1), '
     'padding=(0, 1), dilation=(1, 2), groups=2, bias=False)'),
    (nn.BatchNorm(epsilon=1e-3, momentum=0.99), 'nn.BatchNorm2d(2, eps=0.001, momentum=0.01)'),
    (nn.BatchNorm(scale=False), "fixed(nn.BatchNorm2d(2), 'weight')"),
    (nn.BatchNorm(scale=False, center=False), "fixed(nn.BatchNorm2d(2), 'weight', 'bias')"),
    (nn.BatchNorm(use_global_stats=True), 'FrozenBatchNorm2d(2)'),
    (nn.PReLU(), 'nn.PReLU(1)')])
def test_a_layer_is_written_as_pytorch_says_it(layer, line):
    code = code_of_layers(layer)
    assert line in code or line in re.sub(r'\n +', ' ', code).replace('( ', '(')  # a wrapped line


@pytest.mark.parametrize('layer', [nn.HybridLambda('Flatten'), nn.Dense(3)])
def test_a_vector_is_flattened_to_a_column(layer):
    assert 'torch.unsqueeze(X, 1)' in code_of_layers(layer, shape=())


def test_all_operators_that_pytorch_lacks_are_listed_at_once_with_their_layers():
    with pytest.raises(ValueError, match=(
            r'no counterpart in PyTorch: arctan \(\w*_at\); erfinv \(\w*_a, \w*_b\)\. Export '
            'outputs of earlier layers')):
        code_of_layers(nn.HybridLambda(lambda F, X: F.erfinv(F.erfinv(
            F.arctan(X, name='at'), name='a'), name='b')))


def code_of_symbol(outputs, **inputs):
    symbol = mx.sym.Group(outputs)
    params = {name: np.ones(shape, 'float32') for name, shape in zip(
        symbol.list_arguments(), symbol.infer_shape(**inputs)[0]) if name not in inputs}
    return torch_code(NetDescription(symbol, params, inputs, symbol.list_outputs(), {}, None))


def bottleneck(X, name, channels=4, stride=1):
    for i, (size, kernel) in enumerate([(6, 1), (6, 3), (channels, 1)]):
        X = mx.sym.Convolution(X, num_filter=size, kernel=(kernel,) * 2, pad=(kernel // 2,) * 2,
                               stride=(stride if kernel == 3 else 1,) * 2, name=name + 'abc'[i])
    return X


def test_blocks_within_branches_are_classes_and_outputs_have_the_symbols_names():
    X = mx.sym.var('data')
    left = X + bottleneck(X, 'left')
    right = X + bottleneck(X, 'right')
    code = code_of_symbol([left, mx.sym.softmax(right, axis=1, name='prob')], data=(1, 4, 8, 8))
    assert code.count('class ') == 2 and '= Residual()' in code
    assert code.split('    def forward(self, X):\n')[-1].split('\n\n')[0] == '''\
        _plus = self.stage1(X)
        X = self.stage2(X)
        prob = F.softmax(X, dim=1)
        return _plus, prob'''.replace('_plus', left.name)


def test_layers_before_residual_blocks_of_the_same_layers_begin_their_stage():
    X, rows = mx.sym.var('data'), []
    for i, channels in enumerate((4, 5)):
        X = bottleneck(X, 'down%d' % i, channels, stride=2)
        for k in range(4):
            X = X + bottleneck(X, 'block%d%d' % (i, k), channels)
        rows.append('self.stage%d = nn.Sequential(Bottleneck(%d, %d), '
                    '*[Residual(%d) for _ in range(4)])' % (i + 1, 3 + i, channels, channels))
    code = code_of_symbol([X], data=(1, 3, 16, 16))
    assert [row for row in rows if row not in code] == []
    assert 'self.conv' not in code.split('class Net')[1]


def test_an_unrolled_lstm_has_its_gates_in_one_line_each():
    data, states = mx.sym.var('data'), [mx.sym.var('state'), mx.sym.var('cell')]
    outputs, (_, cell) = mx.rnn.LSTMCell(3, prefix='').unroll(1, [data], states)
    code = code_of_symbol(outputs + [cell], data=(1, 2), state=(1, 3), cell=(1, 3))
    assert code.split('    def forward(self, data, state, cell):\n')[1].split('\n\n')[0] == '''\
        X = self.fc1(data)  # (N, 12)
        Y = self.fc2(state)  # (N, 12)
        X = torch.chunk(X + Y, 4, dim=1)  # (N, 3)
        t0_state = torch.sigmoid(X[1]) * cell + torch.sigmoid(X[0]) * torch.tanh(X[2])
        t0_out = torch.sigmoid(X[3]) * torch.tanh(t0_state)
        return t0_out, t0_state'''


@pytest.mark.parametrize('compute, line', [
    (lambda F, X: (X - 3) * (X + 2), 'return (X - 3) * (X + 2)'),
    (lambda F, X: X - (X - 2 - X * 3), 'return X - (X - 2 - X * 3)'),
    (lambda F, X: X * 3 + X / 2 - 1, 'return X * 3 + X / 2 - 1'),
    (lambda F, X: F.sqrt(X + 2) ** 3, 'return torch.sqrt(X + 2) ** 3'),
    (lambda F, X: (X + 2 > 3) * 2, 'return ((X + 2) > 3).float() * 2'),
    (lambda F, X: F.reshape(F.swapaxes(F.reshape(X, (0, -4, 2, -1, -2)), 1, 2), (0, -3, -2)),
     'return F.channel_shuffle(X, 2)')])
def test_arithmetic_has_the_brackets_that_it_needs(compute, line):
    code = code_of_layers(nn.HybridLambda(compute))
    assert re.sub(r'(\d)\.0\b', r'\1', code).count(line) == 1


@pytest.mark.parametrize('layer, message', [
    (nn.MaxPool2D(2, 2, 1, ceil_mode=True), 'got a last window that covers only padding'),
    (nn.HybridLambda(lambda F, X: F.softmax(X, F.cast(F.sum(X, axis=3), 'int32'), use_length=True)),
     'expected use_length=False, got use_length=True'),
    (nn.HybridLambda(lambda F, X: F.topk(X, k=0, ret_typ='value')), 'got k=0, axis=-1'),
    (nn.HybridLambda(lambda F, X: F.contrib.arange_like(X, axis=1, start=2)),
     'expected start=0, got start=2'),
    (nn.HybridLambda(lambda F, X: F.reshape_like(X, X, lhs_begin=1, rhs_begin=1)),
     'expected lhs_begin=None, got lhs_begin=1'),
    (nn.HybridLambda(lambda F, X: F.broadcast_like(
        F.slice_axis(X, axis=1, begin=0, end=1), X, lhs_axes=(1,), rhs_axes=(1,))),
     r'expected lhs_axes=None, got lhs_axes=\(1,\)'),
    (nn.BatchNorm(axis=2), r'\(BatchNorm\) in PyTorch: expected axis=1 .*, got axis=2 for')])
def test_a_layer_that_pytorch_has_not_is_refused_with_what_is_allowed(layer, message):
    with pytest.raises(ValueError, match=message):
        code_of_layers(layer, shape=(2, 5, 5))


def test_a_models_name_stays_within_the_text_at_the_head():
    code = code_of(trained(small_net(), (1, 8, 8)), model='"""\nimport os\n"""')
    assert '\nimport os' not in code
    ast.parse(code)


def test_inputs_whose_names_python_reserves_get_other_names():
    code = code_of_symbol([mx.sym.var('lambda') + mx.sym.var('torch')],
                          **{'lambda': (1, 2), 'torch': (1, 2)})
    ast.parse(code)
    assert 'def forward(self, value_lambda, value_torch):' in code


def test_inputs_and_outputs_whose_names_python_does_not_tell_apart_get_different_names():
    X, Y = mx.sym.var('a.b'), mx.sym.var('a_b')
    code = code_of_symbol([mx.sym.relu(X, name='a/b'), mx.sym.relu(Y, name='self')],
                          **{'a.b': (1, 2), 'a_b': (1, 2)})
    assert 'def forward(self, a_b, a_b2):' in code and 'return a_b3, value_self' in code


def test_a_layer_that_is_used_twice_is_made_once():
    shared = nn.Conv2D(2, 3, padding=1)
    code = code_of_layers(shared, nn.Activation('relu'), shared)
    assert code.count('nn.Conv2d(') == 1 and code.count('self.conv1(X)') == 2


def test_safetensors_has_the_weights_by_pytorchs_names_and_the_metadata(tmp_path):
    net = trained(small_net(), (1, 8, 8))
    exporter.write_files(described(net, (1, 8, 8), model='small', classes=['a', 'b', 'c']),
                         str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ['model.py', 'model.safetensors']
    with safe_open(str(tmp_path / 'model.safetensors'), 'numpy') as f:
        assert json.loads(f.metadata()['classes']) == ['a', 'b', 'c']
        assert f.metadata()['format'] == 'pt'
        tensors = {name: f.get_tensor(name) for name in f.keys()}
    np.testing.assert_array_equal(tensors['conv1.weight'], net[0].weight.data().asnumpy())
    np.testing.assert_array_equal(tensors['bn1.running_var'],
                                  net[1].moving_var.data().asnumpy().ravel())
    np.testing.assert_array_equal(tensors['stage2.0.conv3.bias'],
                                  net[4].conv3.bias.data().asnumpy())
    assert len(tensors) == len(net.collect_params().keys())


def test_dropout_that_stays_on_in_prediction_is_not_left_out():
    dropout = mx.sym.Dropout(mx.sym.var('data'), mode='always', name='drop')
    with pytest.raises(ValueError, match=r'no counterpart in PyTorch: Dropout \(drop\)'):
        code_of_symbol([dropout], data=(1, 3))
