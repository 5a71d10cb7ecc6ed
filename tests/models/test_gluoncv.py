"""GluonCV's classifiers by name, and the errors for what is none or cannot be had."""
import sys

import mxnet as mx
import pytest
from conftest import smaller
from mxnet import nd

import gluonblocks as gb
from gluonblocks.models import gluoncv as gluoncv_models

pytestmark = pytest.mark.gluoncv


def classifies(graph, num_channels, side):
    """Whether a net's graph makes (5, 7) of five images of that size."""
    try:
        return graph.infer_shape_partial(data=(5, num_channels, side, side))[1] == [(5, 7)]
    except mx.base.MXNetError:
        return False


def test_recipes_have_the_smallest_side_a_net_takes_and_the_rate_of_its_kind():
    modules = {}
    for name in gb.models.list_gluoncv_models():
        module = gluoncv_models._module(gluoncv_models._zoo()[name.split(':')[1]])
        modules.setdefault(module, []).append(name)
    assert set(modules) == {module for some in gluoncv_models._SIDES.values() for module in some}
    chosen = [min(names, key=lambda name: (len(name), name)) for names in modules.values()]
    for name in chosen + ['gluoncv:vgg11_bn', 'gluoncv:cifar_residualattentionnet56']:
        recipe, net = gb.get_recipe(name), gb.get_model(name, num_classes=7)
        graph = net(mx.sym.var('data'))
        fits = [side for side in (28, 32, 64, 96, 128, 224, 299)
                if classifies(graph, 1, side) and classifies(graph, 3, side)]
        assert fits[0] == (recipe.resize or 28), name
        normalized = any(param.endswith('gamma') for param in net.collect_params())
        assert recipe.lr == (0.1 if normalized else 0.01), name


# GluonCV fixes three channels in resnest14; nasnet has a second output unless told.
@pytest.mark.parametrize('name', ['cifar_resnet20_v1', 'resnest14', 'nasnet_4_1056'])
def test_a_net_of_the_zoo_predicts_grey_images(name):
    net = gb.get_model('gluoncv:' + name, num_classes=7)
    net.initialize(mx.init.Xavier())
    assert net(nd.random.uniform(shape=(2, 1, 28, 28))).shape == (2, 7)


def test_a_net_of_the_zoo_is_trained_by_train_model(monkeypatch):
    smaller(monkeypatch, num_train=48, num_test=16)
    net, history = gb.train_model('gluoncv:cifar_resnet20_v1', dataset='synthetic', epochs=3,
                                  batch_size=16, seed=0)
    assert len(history) == 3 and history[2].loss < 0.8 * history[0].loss
    # He et al. 2015 (arXiv:1512.03385), table 6: ResNet-20 has 0.27 million parameters.
    count = sum(p.data().size for p in net.collect_params().values() if p.grad_req != 'null')
    assert round(count / 1e6, 2) == 0.27


@pytest.mark.parametrize('name, said', [
    ('cifar_resnet20', "model 'gluoncv:cifar_resnet20'; similar names: .*cifar_resnet20_v1"),
    ('', 'known models: gluoncv:alexnet, .*gluoncv:xception71'),
    ('yolo3_darknet53_voc', 'expected an image classifier .* got gluoncv:yolo3'),
    ('mobilenet1.0_int8', 'that MXNet can train, got gluoncv:mobilenet1.0_int8'),
    ('resnet50_v1b_gn', 'that MXNet can train, got gluoncv:resnet50_v1b_gn')])
def test_a_name_that_is_no_trainable_classifier_is_refused(name, said):
    with pytest.raises(ValueError, match=said):
        gb.get_recipe('gluoncv:' + name)


def test_list_models_is_without_the_zoo_and_the_error_names_it():
    assert not any(':' in name for name in gb.list_models())
    with pytest.raises(ValueError, match='Names such as gluoncv:cifar_resnet20_v1 and my_'):
        gb.get_model('resnet20')


@pytest.mark.parametrize('raised, said', [
    ('ModuleNotFoundError("", name="gluoncv")', 'pip install gluoncv==0.10.5'),
    ('RuntimeError("Legacy MXNet")', 'installed but could not be imported: Legacy MXNet'),
    ('ImportError("Unable to import modules")', 'installed but could not be imported: Unable')])
def test_gluoncv_that_cannot_be_imported_is_an_error_with_the_reason(tmp_path, monkeypatch, raised,
                                                                     said):
    (tmp_path / 'gluoncv.py').write_text('raise ' + raised)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, 'gluoncv', raising=False)
    with pytest.raises(ImportError, match=said):
        gb.get_model('gluoncv:alexnet')


@pytest.fixture
def beside_pytorch_2(python, tmp_path):
    """Run Python code where a PyTorch 2 is found."""
    (tmp_path / 'torch.py').write_text('__version__ = "2.14.0"')
    return lambda code: python('import sys\nsys.path.insert(0, %r)\n%s' % (str(tmp_path), code))


def test_gluoncv_is_imported_when_asked_for_beside_pytorch_2_and_leaves_pillow_strict(
        beside_pytorch_2):
    assert beside_pytorch_2("""
import gluonblocks as gb
from PIL import ImageFile
gb.get_model('resnet')
before = 'gluoncv' in sys.modules
print(before, type(gb.get_model('gluoncv:alexnet')).__name__, 'torch' in sys.modules,
      ImageFile.LOAD_TRUNCATED_IMAGES)""") == 'False AlexNet False False'


def test_an_import_of_gluoncv_that_failed_before_ours_does_not_spoil_it(beside_pytorch_2):
    assert beside_pytorch_2("""
try:
    import gluoncv
except (AttributeError, RuntimeError):  # of MXNet beside newer NumPy, or of PyTorch 2
    import gluonblocks as gb
print(type(gb.get_model('gluoncv:alexnet')).__name__)""") == 'AlexNet'
