"""`Net` compared with Gluon's own HybridSequential of the same layers."""
import os

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.graphs import net as net_file
from gluonblocks.graphs.net import Net


def images(side=8, n=4):
    return nd.array(np.random.RandomState(side).rand(n, 1, side, side))


def add_layers(net):
    net.add(nn.Conv2D(3, kernel_size=3, padding=1), nn.BatchNorm(), nn.Activation('relu'),
            nn.MaxPool2D(2), nn.GlobalAvgPool2D(), nn.Dense(5))
    return net


def initialized():
    net = add_layers(Net())
    net.initialize(mx.init.Xavier())
    net(images())
    return net


def gluons(net):
    """Return Gluon's own container with the same layers, not hybridized."""
    plain = nn.HybridSequential()
    plain.add(*net)
    return plain


def hybridized_pair():
    """Return a hybridized net, and Gluon's plain net with the same weights."""
    net, plain = initialized(), gluons(initialized())
    for ours, theirs in zip(net.collect_params().values(), plain.collect_params().values()):
        ours.set_data(theirs.data())
    net.hybridize(static_alloc=True)
    return net, plain


def assert_close(a, b):
    np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), rtol=1e-4, atol=1e-5)


def test_image_sizes_and_modes_can_alternate_and_match_the_plain_net():
    net, plain = hybridized_pair()
    for side in (8, 12, 8, 9, 12, 8):
        assert_close(net(images(side)), plain(images(side)))
        with autograd.train_mode():
            assert_close(net(images(side)), plain(images(side)))
    nd.waitall()
    for ours, theirs in zip(net.collect_params().values(), plain.collect_params().values()):
        assert_close(ours.data(), theirs.data())


def test_only_the_newest_graphs_are_cached(monkeypatch):
    monkeypatch.setattr(net_file, 'MAX_GRAPHS', 2)
    net, plain = hybridized_pair()
    for side in (8, 9, 10, 8):
        assert_close(net(images(side)), plain(images(side)))
    assert len(net._traced.graphs) == 2


def test_a_graph_that_leaves_the_cache_before_its_backward_pass_has_correct_gradients(monkeypatch):
    monkeypatch.setattr(net_file, 'MAX_GRAPHS', 1)
    net, plain = hybridized_pair()
    with autograd.record():
        ours, theirs = net(images(8)), plain(images(8))
    net(images(9))
    for loss in (ours, theirs):
        loss.backward()
    assert_close(net[0].weight.grad(), plain[0].weight.grad())


@pytest.mark.parametrize('active', [False, True])
def test_output_of_features_is_the_nets_output(active):
    net = initialized()
    net.hybridize(active)
    assert net.features[0] is net[0] and len(net.features) == 5
    assert net.output is net[5]
    assert_close(net.output(net.features(images())), net(images()))


class Larger(Net):
    def __init__(self, num_classes):
        super().__init__()
        self.add(nn.Conv2D(3, kernel_size=3), nn.Dense(num_classes))


def test_features_of_a_class_that_adds_its_own_layers_are_its_layers_but_the_last():
    net = Larger(5)
    net.initialize()
    want = net(images())
    assert list(net.features) == [net[0]]
    assert_close(net.output(net.features(images())), want)


CHANGES = {'hook': lambda net: net.register_op_hook(lambda *args: None)}
if mx.__version__ >= '1.9':  # earlier versions cannot optimize Gluon's own nets either
    CHANGES['back end'] = lambda net: net.optimize_for(images(), backend='MKLDNN')


@pytest.mark.parametrize('change', CHANGES.values(), ids=list(CHANGES))
def test_with_an_mxnet_back_end_or_hook_gluon_runs_and_exports_the_net(change, tmp_path):
    net = initialized()
    want = net(images())
    net.hybridize()
    change(net)
    assert_close(net(images()), want)
    symbol, params = net.export(str(tmp_path / 'net'))
    assert_close(gluon.SymbolBlock.imports(symbol, ['data'], params)(images()), want)


class RunningSums(nn.HybridBlock):
    def hybrid_forward(self, F, X):
        return F.contrib.foreach(lambda x, s: (x + s, x + s), X, 0 * F.sum(X, axis=0))[0]


def test_a_net_may_contain_loops():
    net = Net()
    net.add(RunningSums())
    net.hybridize()
    assert_close(net(images()), nd.array(np.cumsum(images().asnumpy(), axis=0)))


@pytest.mark.parametrize('layer', [lambda: nn.Conv2D(3, kernel_size=[5, 5]),
                                   lambda: nn.MaxPool2D([2, 2]),
                                   lambda: gb.BatchNorm(1, 4, eps=np.float32(1e-3))])
def test_layer_settings_may_be_lists_and_numpy_scalars(layer):
    net = Net()
    net.add(layer(), nn.Conv2D(3, [3, 3], padding=[1, 1]), nn.BatchNorm(), nn.MaxPool2D([2, 2]))
    net.initialize()
    plain = net(images())
    net.hybridize()
    assert_close(net(images()), plain)
    with autograd.record():
        net(images()).backward()


@pytest.mark.parametrize('name', gb.list_models('book'))
def test_mxnets_summary_prints_every_model(name, capsys):
    net = gb.get_model(name)
    net.initialize()
    side = gb.get_recipe(name).resize or 28
    net(nd.zeros((1, 1, side, side)))
    mx.viz.print_summary(net(mx.sym.var('data')), shape={'data': (1, 1, side, side)})
    assert 'Total params' in capsys.readouterr().out


@pytest.mark.parametrize('active', [False, True])
@pytest.mark.parametrize('shape, dtype, message', [
    ((2, 1, 8, 8), 'uint8', r"float32, got uint8: use X.astype\('float32'\) / 255"),
    ((2, 1, 8, 8), 'float64', r"float32, got float64: use X.astype\('float32'\)$"),
    ((2, 3, 8, 8), 'float32', r'expects images with 1 channel, got shape \(2, 3, 8, 8\)'),
    ((2, 8, 8, 1), 'float32', r'of shape \(N, C, H, W\), got \(2, 8, 8, 1\): use X.transpose'),
    ((28, 28), 'float32', r'expects images of shape \(N, C, H, W\), got \(28, 28\)')])
def test_images_that_do_not_fit_raise_an_error_with_the_remedy(active, shape, dtype, message):
    net = initialized()
    net.hybridize(active)
    with pytest.raises(ValueError, match=message):
        net(nd.ones(shape, dtype=dtype))
    assert net(images()).shape == (4, 5)


@pytest.mark.parametrize('active', [False, True])
def test_a_new_net_reports_that_it_is_not_initialized_and_later_the_expected_images(active):
    net = add_layers(Net())
    net.hybridize(active)
    with pytest.raises(RuntimeError, match=r'^hybridsequential\d+ is not initialized: '
                                           r'call net.initialize\(\) first'):
        net(images())
    net.initialize()
    with pytest.raises(ValueError, match=r'\(N, C, H, W\), got \(28, 28\)'):
        net(nd.zeros((28, 28)))
    assert net(images()).shape == (4, 5)


def test_a_file_with_another_number_of_classes_is_rejected_with_both_shapes(tmp_path):
    path = str(tmp_path / 'net.params')
    initialized().save_parameters(path)
    net = Net()
    net.add(*list(add_layers(Net()))[:-1], nn.Dense(7))
    net.initialize()
    net(images())
    with pytest.raises(ValueError, match=r'5.weight is \(5, 3\) in the file and \(7, 3\) in the'):
        net.load_parameters(path)
    net[:-1].load_parameters(path, ignore_extra=True)  # the remedy in the message


def test_a_replaced_output_is_trained_with_the_other_layers(tmp_path):
    net = initialized()
    net.hybridize()
    net.output = nn.Dense(2)
    assert net[5] is net.output and len(net) == 6
    net.output.initialize()
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.1})
    net(images())
    before = net[0].weight.data().copy(), net.output.weight.data().copy()
    with autograd.record():
        loss = gluon.loss.SoftmaxCrossEntropyLoss()(net(images()), nd.array([0, 1, 0, 1]))
    loss.backward()
    trainer.step(4)
    for old, layer in zip(before, (net[0], net.output)):
        assert np.abs((layer.weight.data() - old).asnumpy()).max() > 0
    net.save_parameters(str(tmp_path / 'net.params'))
    assert set(nd.load(str(tmp_path / 'net.params'))) == set(net._collect_params_with_prefix())


@pytest.mark.parametrize('static_shape, read', [
    (True, lambda net, path: net.save_parameters(path) or nd.load(path)['1.running_mean']),
    (True, lambda net, path: [array for name, array in nd.load(net.export(path)[1]).items()
                              if name.endswith('running_mean')][0]),
    # In MXNet 1.7, reading running averages does not wait for a graph, not even for one of Gluon's.
    (False, lambda net, path: (mx.__version__ < '1.8' and nd.waitall(),
                               nd.array(net[1].running_mean.data().asnumpy()))[1])],
    ids=['saved', 'exported', 'read'])
def test_averages_right_after_a_step_contain_the_results_of_that_step(
        static_shape, read, tmp_path, monkeypatch):
    # Without waiting, at least one in five is from an earlier step.
    monkeypatch.setenv('GLUONBLOCKS_OPERATORS', '0')  # ours update them earlier
    net = initialized()
    net.hybridize(static_alloc=True, static_shape=static_shape)
    X = images(28, n=64)
    for step in range(20):
        with autograd.record():
            loss = net(X + step).sum()
        loss.backward()
        found = read(net, str(tmp_path / 'net.params'))
        nd.waitall()
        assert (found == net[1].running_mean.data()).asnumpy().all()


def test_files_can_be_in_a_folder_whose_name_is_not_valid_utf8(tmp_path):
    net, folder = initialized(), os.path.join(str(tmp_path), os.fsdecode(b'lat\xe4'))
    os.mkdir(folder)
    with pytest.raises(RuntimeError, match='call net.hybridize.. and run one batch through it'):
        net.export('net')
    net.hybridize()
    want = net(images())
    net.save_parameters(os.path.join(folder, 'net.params'))
    again = initialized()
    again.load_parameters(os.path.join(folder, 'net.params'))
    assert_close(again(images()), want)
    for path in net.export(os.path.join(folder, 'all'), 3):
        assert os.path.getsize(path)
