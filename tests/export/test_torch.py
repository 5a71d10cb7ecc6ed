"""model.py in PyTorch against the net in MXNet."""
import os
import subprocess
import sys

import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn as gluon_nn
from mxnet.gluon.model_zoo import vision
from torch_nets import arrays_of, described, small_net, trained

import gluonblocks as gb
from gluonblocks.export import VerificationError
from gluonblocks.export.torch import write as exporter

torch = pytest.importorskip('torch', reason='PyTorch is not installed (the extra `torch`)')
nn, F = torch.nn, torch.nn.functional
SHAPE = (1, 8, 8)


def exported(net, folder, shape=SHAPE):
    """(the `NetDescription` of a block, the net that model.py loads)."""
    description = described(net, shape, model='net', classes=['a', 'b', 'c'])
    exporter.write_files(description, str(folder))
    return description, exporter.load_module(*[
        os.path.join(str(folder), name) for name in (exporter.CODE, exporter.WEIGHTS)])


def images(n=16, shape=SHAPE):
    return np.random.RandomState(0).uniform(size=(n,) + shape).astype('float32')


def logits(module, X):
    with torch.no_grad():
        return module(torch.from_numpy(X)).numpy()


def layers_net(*layers):
    net = gluon_nn.HybridSequential()
    net.add(*layers)
    net.add(gluon_nn.Dense(3))
    return net


NETS = {
    'small': (small_net, SHAPE),
    'max_pool_full': (lambda: layers_net(
        gluon_nn.Conv2D(4, 3), gluon_nn.MaxPool2D(3, 2, 1, ceil_mode=True)), (1, 10, 9)),
    'avg_pool_full': (lambda: layers_net(
        gluon_nn.Conv2D(4, 3), gluon_nn.AvgPool2D(3, 2, ceil_mode=True)), (1, 10, 10)),
    'avg_pool_full_padded': (lambda: layers_net(
        gluon_nn.Conv2D(4, 3), gluon_nn.AvgPool2D(3, 2, 1, ceil_mode=True)), (1, 10, 9)),
    'avg_pool_without_padding': (lambda: layers_net(
        gluon_nn.Conv2D(4, 3), gluon_nn.AvgPool2D(3, 2, 1, count_include_pad=False)), (1, 9, 9)),
    'activations': (lambda: layers_net(*[layer for act in (
        gluon_nn.Activation('tanh'), gluon_nn.Activation('softrelu'), gluon_nn.LeakyReLU(0.2),
        gluon_nn.Activation('softsign'), gluon_nn.ELU(0.7), gluon_nn.GELU(),
        gluon_nn.PReLU(), gluon_nn.Swish())
        for layer in (gluon_nn.Conv2D(4, 1), act)]), SHAPE),
    'groups': (lambda: layers_net(
        gluon_nn.Conv2D(8, (3, 1), (1, 2), (1, 0), (1, 2)), gluon_nn.BatchNorm(epsilon=1e-3),
        gluon_nn.Conv2D(16, 3, groups=4, use_bias=False), gluon_nn.BatchNorm(scale=False)), SHAPE),
    'dropout_and_double': (lambda: layers_net(
        gluon_nn.Conv2D(8, 3), gluon_nn.Dropout(0.5), gluon_nn.GlobalMaxPool2D(),
        gluon_nn.Dense(5, use_bias=False)), SHAPE),
    'resnet_v2': (lambda: vision.ResNetV2(
        vision.BottleneckV2, [2, 2, 2, 2], [4, 8, 16, 24, 32], classes=4), (3, 32, 32)),
    'mobilenet_v2': (lambda: vision.MobileNetV2(0.25, classes=5), (3, 32, 32)),
}


@pytest.mark.parametrize('name', NETS)
def test_outputs_and_a_training_step_are_mxnets(name, tmp_path):
    make, shape = NETS[name]
    net = trained(make(), shape)
    X = images(16, shape)
    here = net(nd.array(X)).asnumpy()
    description, module = exported(net, tmp_path, shape)
    np.testing.assert_allclose(logits(module, X), here, rtol=0, atol=1e-5 * np.abs(here).max())
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    compared, difference = exporter.check_step(description, module, X, np.arange(len(X)) % 3)
    assert difference < exporter.STEP_TOLERANCE
    trainable = [param for param in net.collect_params().values() if param.grad_req != 'null']
    averages = [name for name in description.params if name.endswith('_mean')]
    slopes = [name for name in description.params if name.endswith('_alpha')]
    assert compared == len(trainable) + len(averages) - len(slopes)
    assert all(torch.equal(before[name], each) for name, each in module.state_dict().items())
    assert not module.training and all(p.grad is None for p in module.parameters())


def test_each_model_computes_in_pytorch_what_it_does_here(model_name, tmp_path):
    side = 32 if gb.get_recipe(model_name).resize else 28
    net = trained(gb.get_model(model_name), (1, side, side))
    X = images(8, (1, side, side))
    here = net(nd.array(X)).asnumpy()
    description, module = exported(net, tmp_path, X.shape[1:])
    np.testing.assert_allclose(logits(module, X), here, rtol=0, atol=1e-5 * np.abs(here).max())
    exporter.check_step(description, module, X, np.arange(8))


@pytest.mark.parametrize('change', [
    lambda module: module.fc1.weight.data[0, 0].add_(0.01),
    lambda module: module.stage1.bn1.bias.data[0].add_(0.01),
    lambda module: setattr(module.bn3, 'eps', 1e-3),
    lambda module: setattr(module.bn1, 'momentum', 0.9)])
def test_a_step_that_differs_in_one_value_is_refused(change, tmp_path):
    description, module = exported(trained(small_net(), SHAPE), tmp_path)
    change(module)
    with pytest.raises(VerificationError, match=(
            r'after a training step, \S+ \(a gradient or running mean\) in PyTorch differs')):
        exporter.check_step(description, module, images(), np.arange(16) % 3)


def test_a_step_may_differ_by_relus_that_rounding_turns_on(tmp_path):
    net = trained(layers_net(gluon_nn.Conv2D(1, 1, activation='relu')), SHAPE)
    net[0].weight.set_data(nd.ones((1, 1, 1, 1)))
    net[0].bias.set_data(nd.array([-0.5]))
    description, module = exported(net, tmp_path)
    module.conv1.bias.data.add_(6e-8)
    close = 0.5 + 1e-6 * np.random.RandomState(0).uniform(-1, 1, (16,) + SHAPE)
    _, difference = exporter.check_step(description, module, close, np.arange(16) % 3)
    assert difference > 1e-3


@pytest.mark.parametrize('scale', [True, False])
@pytest.mark.parametrize('center', [True, False])
def test_gamma_and_beta_are_trained_where_they_are_here(scale, center, tmp_path):
    _, module = exported(trained(layers_net(
        gluon_nn.Conv2D(4, 3), gluon_nn.BatchNorm(scale=scale, center=center)), SHAPE), tmp_path)
    assert module.bn1.weight.requires_grad == scale
    assert module.bn1.bias.requires_grad == center
    assert scale or (module.bn1.weight == 1).all()


def test_model_py_runs_without_mxnet_and_gluonblocks_and_takes_another_number_of_classes(tmp_path):
    net = trained(small_net(), SHAPE)
    exported(net, tmp_path)
    X = images(2)
    np.save(str(tmp_path / 'X.npy'), X)
    code = ('import sys; sys.path[:0] = [".", %r]; sys.modules["mxnet"] = None; '
            'sys.modules["gluonblocks"] = None; import numpy, torch, model; '
            'net = model.load(); X = torch.from_numpy(numpy.load("X.npy")); '
            'numpy.save("Y.npy", net(X).detach().numpy()); '
            'assert model.Net(num_classes=7)(X).shape == (2, 7)'
            % os.path.dirname(os.path.dirname(torch.__file__)))
    subprocess.run([sys.executable, '-I', '-c', code], cwd=str(tmp_path), check=True)
    np.testing.assert_allclose(np.load(str(tmp_path / 'Y.npy')), net(nd.array(X)).asnumpy(),
                               rtol=1e-4, atol=1e-5)


def test_averages_move_as_the_comment_in_model_py_says(tmp_path):
    net = trained(layers_net(gluon_nn.BatchNorm()), SHAPE)
    _, module = exported(net, tmp_path)
    X, before = images(4), module.bn1.running_var.item()
    module.train()(torch.from_numpy(X))
    var, n = X.astype('float64').var(), X.size
    assert module.bn1.running_var.item() == pytest.approx(
        0.9 * before + 0.1 * var * n / (n - 1), rel=1e-5)
    with autograd.record():
        net(nd.array(X)).sum().backward()
    assert net[0].running_var.data().asscalar() == pytest.approx(
        0.9 * before + 0.1 * var, rel=1e-5)


def test_a_net_that_was_trained_on_in_pytorch_is_loaded_again(tmp_path):
    net = trained(small_net(), SHAPE)
    _, module = exported(net, tmp_path)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    X = images()
    F.cross_entropy(module.train()(torch.from_numpy(X)), torch.arange(16) % 3).backward()
    optimizer.step()
    torch.save({'state_dict': module.eval().state_dict()}, str(tmp_path / 'on.pt'))
    before = arrays_of(net)
    gb.load_torch(net, tmp_path / 'on.pt')
    assert any((before[name] != array).any() for name, array in arrays_of(net).items())
    np.testing.assert_allclose(net(nd.array(X)).asnumpy(), logits(module, X), rtol=1e-4, atol=1e-5)


def test_export_net_writes_verifies_and_notes_the_step(tmp_path):
    export = gb.export_net(trained(small_net(), SHAPE), SHAPE, str(tmp_path), formats=['torch'])
    assert sorted(os.listdir(export.folder)) == [
        'README.md', 'export.json', 'model.py', 'model.safetensors']
    one, = export.formats
    assert one.verified.largest_difference < 1e-4 and one.verified.agreement == 1
    assert 'one training step' in one.notes[0]


def test_a_net_that_ends_with_a_cast_is_verified_with_a_training_step(tmp_path):
    net, cast = gluon_nn.HybridSequential(), lambda F, X: F.cast(X, 'float32')
    net.add(gluon_nn.Dense(3), gluon_nn.HybridLambda(cast), gluon_nn.Dense(3),
            gluon_nn.HybridLambda(cast))
    export = gb.export_net(trained(net, SHAPE), SHAPE, str(tmp_path), formats=['torch'])
    assert 'one training step' in export.formats[0].notes[0]


def test_an_operator_that_pytorch_lacks_is_known_before_anything_is_computed(
        tmp_path, monkeypatch):
    monkeypatch.setattr('gluonblocks.export.write.outputs_of', None)
    with pytest.raises(ValueError, match='no counterpart in PyTorch: arctan'):
        gb.export_net(trained(gluon_nn.HybridLambda('arctan'), (3,)), (3,), str(tmp_path / 'out'),
                      ['onnx', 'torch'])


def test_a_norm_by_running_averages_predicts_the_same_in_training(tmp_path):
    norm = gluon_nn.BatchNorm(use_global_stats=True)
    net = trained(layers_net(gluon_nn.Conv2D(4, 3), norm), SHAPE)
    module = exported(net, tmp_path)[1]
    before = logits(module, images())
    np.testing.assert_array_equal(logits(module.train(), images()), before)


@pytest.mark.parametrize('crop', [
    lambda F, X, Y: F.Crop(X, Y, num_args=2, center_crop=True),
    lambda F, X, Y: F.Crop(X, num_args=1, h_w=(4, 5), center_crop=True)], ids=['like', 'to a size'])
def test_a_crop_is_centred_in_images_of_any_size(crop, tmp_path):
    net = gluon_nn.HybridSequential()
    net.add(gluon_nn.HybridLambda(lambda F, X: crop(F, F.tile(X, reps=(1, 1, 2, 2)), X)))
    net.initialize()
    module = exported(net, tmp_path)[1]
    for shape in (SHAPE, (1, 11, 6)):
        X = images(2, shape)
        np.testing.assert_array_equal(logits(module, X), net(nd.array(X)).asnumpy())


@pytest.mark.parametrize('compute', [
    lambda F, X: F.where(X > 0.4, F.reverse(X, axis=2), F.broadcast_lesser_equal(X, X * X + 0.2)),
    lambda F, X: F.max(X, axis=(1, 2)) - F.min(X, axis=3, keepdims=True).flatten(),
    lambda F, X: F.batch_dot(F.squeeze(X, axis=1), F.squeeze(X, axis=1), transpose_b=True),
    lambda F, X: F.broadcast_add(F.Reshape(F.Reshape(X, shape=(0, -4, 1, -1, -2)), shape=(
        0, -3, 0, 0)), F.ones(shape=(1, 1, 8, 8))),
    lambda F, X: F.Crop(X, F.slice_axis(X, axis=3, begin=0, end=5), offset=(0, 2), num_args=2),
    lambda F, X: F.stack(*F.SliceChannel(X, num_outputs=8, axis=3, squeeze_axis=True), axis=1),
    lambda F, X: F.gather_nd(F.transpose(X, axes=(2, 0, 1, 3)), F.stack(F.slice_like(F.arange(
        0, 2000), F.flatten(X), axes=0) * 0 + 3, F.slice_like(F.arange(0, 2000), X, axes=0))),
    lambda F, X: F.topk(F.flatten(X), k=3, ret_typ='indices') + F.topk(
        F.flatten(X), k=3, ret_typ='both', is_ascend=True)[0],
    lambda F, X: F.tile(F.repeat(F.flatten(X), repeats=2, axis=1), reps=(1, 2)),
    lambda F, X: F.broadcast_div(F.cast(F.flatten(X) * 99, 'int64'), F.full(
        (1, 1), 7, dtype='int64')).astype('float32'),
    lambda F, X: (F.cast(F.flatten(X) * 9, 'int32') / 2 * 1.5).astype('float32') / 9,
    lambda F, X: F.clip(
        100 / (F.cast(F.flatten(X) * 9, 'int32') + 1), 12, 60).astype('float32') / 60,
    lambda F, X: F.broadcast_mul(F.contrib.arange_like(X), F.reshape(
        F.contrib.arange_like(X, axis=-1), (1, 1, 1, 8))) / 8000,
    lambda F, X: F.where(F.max(X, axis=(1, 2, 3)) > 0.98, F.flatten(X), F.flatten(X) * 2),
    lambda F, X: F.flatten(F.concat(*[F.reshape(X, shape=(-2, 1))] * 2, dim=-1)),
    lambda F, X: F.broadcast_add(F.flatten(X), F.reshape(F.sum(F.concat(
        F.max(X), F.min(X), dim=0)), (1, 1)))],
    ids=['where', 'max', 'batch_dot', 'reshape', 'crop', 'unbind', 'gather', 'topk', 'tile',
         'integers', 'integers and scalars', 'integer quotients', 'arange_like', 'where by row',
         'reshape after the rest', 'max of all'])
def test_operators_without_weights_compute_in_pytorch_what_they_do_here(compute, tmp_path):
    net = trained(layers_net(gluon_nn.HybridLambda(compute)), SHAPE)
    module = exported(net, tmp_path)[1]
    here = net(nd.array(images())).asnumpy()
    np.testing.assert_allclose(logits(module, images()), here, rtol=0,
                               atol=1e-6 * max(10, np.abs(here).max()))


def test_indices_of_an_embedding_are_clipped_as_in_mxnet(tmp_path):
    net = trained(layers_net(gluon_nn.Embedding(4, 2)), (5,))
    X = np.array([[-7, 0, 3, 4, 99]], 'float32')
    module = exported(net, tmp_path, (5,))[1]
    np.testing.assert_allclose(logits(module, X), net(nd.array(X)).asnumpy(), rtol=0, atol=1e-5)
