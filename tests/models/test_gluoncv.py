"""GluonCV's classifiers by name, and the errors for what is none or cannot be had."""
import os

import mxnet as mx
import pytest
from conftest import REPOSITORY, smaller
from mxnet import nd

import gluonblocks as gb
from gluonblocks.models import gluoncv as gluoncv_models
from gluonblocks.models.registry import MODELS

pytestmark = pytest.mark.gluoncv


def initialized(name, **kwargs):
    net = gb.get_model(name, **kwargs)
    net.initialize(mx.init.Xavier())
    return net


def names_in(module):
    """The names of the zoo's networks that are in a module of it and train here."""
    zoo = gluoncv_models._zoo()
    return [name for name in gb.models.list_gluoncv_models()
            if gluoncv_models._module(zoo[name.split(':')[1]]) == module]


def classifies(graph, num_channels, side):
    """Whether a net's graph makes (5, 7) of five images of that size."""
    try:
        return graph.infer_shape_partial(data=(5, num_channels, side, side))[1] == [(5, 7)]
    except mx.base.MXNetError:
        return False


def test_every_module_that_the_table_names_is_in_the_zoo_and_has_nets():
    assert all(names_in(module) for module in gluoncv_models._FAMILIES)


@pytest.mark.parametrize('module', sorted(gluoncv_models._FAMILIES))
def test_the_recipe_of_each_net_has_the_smallest_side_it_takes_and_the_rate_of_its_kind(module):
    for name in names_in(module):
        recipe, net = gb.get_recipe(name), gb.get_model(name, num_classes=7)
        graph = net(mx.sym.var('data'))
        fits = [side for side in (28, 32, 64, 96, 128, 224, 299)
                if classifies(graph, 1, side) and classifies(graph, 3, side)]
        assert fits[0] == (recipe.resize or 28), name
        normalized = any(param.endswith('gamma') for param in net.collect_params())
        assert recipe.lr == (0.1 if normalized else 0.01), name


# GluonCV fixes three channels in resnest14; nasnet has a second output unless told.
@pytest.mark.parametrize('name', ['cifar_resnet20_v1', 'mobilenetv2_0.25', 'resnest14',
                                  'nasnet_4_1056'])
def test_a_net_of_the_zoo_predicts_grey_images_hybridized_as_plain(name):
    X = nd.random.uniform(shape=(2, 1, 28, 28))
    net = initialized('gluoncv:' + name, num_classes=7)
    plain = net(X)
    net.hybridize(static_alloc=True)
    assert plain.shape == (2, 7)
    mx.test_utils.assert_almost_equal(net(X).asnumpy(), plain.asnumpy(), rtol=1e-3, atol=1e-4)


def test_cifar_resnet20_has_the_number_of_parameters_of_its_paper():
    # He et al. 2015 (arXiv:1512.03385), table 6: ResNet-20 has 0.27 million.
    net = initialized('gluoncv:cifar_resnet20_v1')
    net(nd.zeros((1, 1, 28, 28)))
    count = sum(p.data().size for p in net.collect_params().values() if p.grad_req != 'null')
    assert round(count / 1e6, 2) == 0.27


def test_a_net_of_the_zoo_is_trained_by_train_model(monkeypatch):
    smaller(monkeypatch, num_train=64, num_test=16)
    _, history = gb.train_model('gluoncv:cifar_resnet20_v1', dataset='synthetic', epochs=4,
                                batch_size=16, seed=0)
    assert len(history) == 4 and min(r.loss for r in history) < history[0].loss / 2


@pytest.mark.parametrize('name, resize, lr', [
    ('cifar_resnet20_v1', None, 0.1), ('cifar_residualattentionnet56', 32, 0.1),
    ('vgg11', 32, 0.01), ('vgg11_bn', 32, 0.1), ('alexnet', 64, 0.01), ('googlenet', 224, 0.1),
    ('inceptionv3', 299, 0.1)])
def test_the_recipes_of_some_well_known_nets(name, resize, lr):
    assert gb.get_recipe('gluoncv:' + name) == (lr, 256, 5, resize)


@pytest.mark.parametrize('name', ['cifar_resnet20_v1', 'resnet5', 'fcn_resnet50_ade'])
def test_recipes_and_refusals_build_no_net(name, monkeypatch):
    def built(*args, **kwargs):
        raise AssertionError('a net was built')
    monkeypatch.setattr(mx.gluon.Block, '__init__', built)
    try:
        gb.get_recipe('gluoncv:' + name)
    except ValueError:
        with pytest.raises(ValueError):
            gb.get_model('gluoncv:' + name)


@pytest.mark.parametrize('name, said', [
    ('cifar_resnet20', "no model 'gluoncv:cifar_resnet20'; near it are: .*cifar_resnet20_v1.*"
                       r'gluonblocks.models.list_gluoncv_models\(\) lists all'),
    ('', "GluonCV's classifiers are: gluoncv:alexnet, .*gluoncv:xception71"),
    ('yolo3_darknet53_voc', 'does not classify pictures'),
    ('fcn_resnet50_ade', 'does not classify pictures'),
    ('simple_pose_resnet18_v1b', 'does not classify pictures'),
    ('i3d_resnet50_v1_ucf101', 'classifies videos'),
    ('mobilenet1.0_int8', 'can only predict'),
    ('resnet50_v1d_0.37', 'the weights that it was pruned with'),
    ('resnet50_v1b_gn', 'MXNet cannot build the graph of its group normalization')])
def test_a_name_that_is_no_trainable_classifier_is_refused_with_the_reason(name, said):
    for look_up in (gb.get_model, gb.get_recipe):
        with pytest.raises(ValueError, match=said):
            look_up('gluoncv:' + name)


def test_list_models_is_without_the_zoo_and_the_error_names_it():
    assert not any(':' in name for name in gb.list_models())
    with pytest.raises(ValueError, match='names such as gluoncv:cifar_resnet20_v1, my_mod'):
        gb.get_model('resnet20')


def test_a_zoos_prefix_can_be_registered_once_only():
    with pytest.raises(ValueError, match='gluoncv:... are registered already'):
        MODELS.add_prefix('gluoncv', None, 'x')


def test_gluoncv_is_imported_only_when_asked_for(python):
    assert python('import gluonblocks as gb, sys\ngb.get_model("resnet")\n'
                  'print("gluoncv" in sys.modules)') == 'False'


def test_without_gluoncv_the_error_says_what_to_install(python):
    assert 'pip install gluoncv==0.10.5' in python(
        'import gluonblocks as gb, sys\nsys.modules["gluoncv"] = None\n'
        'try: gb.get_model("gluoncv:alexnet")\nexcept ImportError as error: print(error)')


@pytest.fixture
def beside_pytorch_2(python, tmp_path):
    """Run Python code where a PyTorch 2 is found."""
    (tmp_path / 'torch.py').write_text('__version__ = "2.14.0"')
    return lambda code: python('import sys\nsys.path.insert(0, %r)\n%s' % (str(tmp_path), code))


def test_gluoncv_can_be_imported_beside_pytorch_2_before_its_first_net(beside_pytorch_2):
    assert beside_pytorch_2("""
import gluonblocks as gb, gluoncv
print(type(gb.get_model('gluoncv:alexnet')).__name__, 'torch' in sys.modules)""") == 'AlexNet False'


def test_an_import_of_gluoncv_that_failed_before_ours_does_not_spoil_it(beside_pytorch_2):
    assert beside_pytorch_2("""
try:
    import gluoncv
except (AttributeError, RuntimeError):  # of MXNet beside newer NumPy, or of PyTorch 2
    import gluonblocks as gb
print(type(gb.get_model('gluoncv:alexnet')).__name__)""") == 'AlexNet'


@pytest.mark.parametrize('raised, said', [
    ('RuntimeError("Legacy MXNet")', 'installed but could not be imported: Legacy MXNet'),
    ('ImportError("Unable to import modules")', 'installed but could not be imported: Unable')])
def test_train_py_says_why_gluoncv_cannot_be_imported(script, tmp_path, raised, said):
    (tmp_path / 'gluoncv.py').write_text('raise ' + raised)
    code, out, err = script('train.py', '--model', 'gluoncv:alexnet', '--summary',
                            PYTHONPATH=os.pathsep.join([str(tmp_path), REPOSITORY]))
    assert code == 1 and out == '' and err.startswith('error: ') and said in err


def test_train_py_takes_the_names_of_the_zoo(script):
    code, out, err = script('train.py', '--model', 'gluoncv:cifar_resnet20_v1', '--summary')
    assert code == 0 and err == ''
    assert out.splitlines()[-1].split()[:2] == ['total', '272,186']
    code, out, err = script('train.py', '--model', 'gluoncv:cifar_resnet')
    assert code == 2 and out == '' and 'near it are: gluoncv:cifar_res' in err
