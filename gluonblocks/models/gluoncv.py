"""The classifiers of GluonCV's zoo as models: 'gluoncv:' and a name of the zoo.

GluonCV (https://cv.gluon.ai) is an extra. It is imported when the first of these names is used.
"""
import difflib

import mxnet as mx

from .registry import Recipe, register_zoo

PREFIX = 'gluoncv'

# The modules of gluoncv.model_zoo that hold classifiers of pictures, and what their factories are
# given beside the number of classes. NASNet's second, auxiliary output needs a loss of its own.
_FAMILIES = dict({family: {} for family in (
    'alexnet', 'cifarresnet', 'cifarresnext', 'cifarwideresnet', 'densenet', 'dla', 'googlenet',
    'inception', 'mobilenet', 'mobilenetv3', 'residual_attentionnet', 'resnest', 'resnet',
    'resnetv1b', 'resnext', 'senet', 'shufflenet', 'squeezenet', 'vgg', 'xception',
    'yolo.darknet')}, nasnet={'use_aux': False})

# Why the other classifiers do not train; a module that is named nowhere here has other tasks.
_REFUSED = {
    'hrnet': 'MXNet cannot infer the shapes of its graph, so it takes colour pictures only',
    'pruned_resnet': 'its layers are cut to fit the weights that it was pruned with',
    'quantized': 'it is quantized to 8 bits, and those nets can only predict',
    'action_recognition': 'it classifies videos',
}

_SIDES = (28, 32, 64, 96, 128, 224, 299)  # Fashion-MNIST's own, CIFAR's ... ImageNet's, Inception's

_MISSING = """GluonCV is not installed, which the models named %s:... come from. Install it with
  pip install gluoncv==0.10.5""" % PREFIX

_TORCH = """GluonCV 0.10.5 cannot be imported beside this PyTorch: {error}
GluonCV refuses to be imported where PyTorch 2 or later is installed, although its MXNet networks
need none. Use an environment without PyTorch, or take it out: pip uninstall torch"""

_BROKEN = """GluonCV is installed but could not be imported: {error}
It does not tell why. What it needs, tried one by one, may: python -c 'import cv2, matplotlib, PIL'
(opencv-python needs system libraries; opencv-python-headless in its place does not)"""


def list_gluoncv_models():
    """The names of the classifiers in GluonCV's zoo, sorted, each as 'gluoncv:NAME'.

    Raises ImportError where GluonCV cannot be imported, with what to do.
    """
    return sorted('%s:%s' % (PREFIX, name) for name, factory in _zoo().items()
                  if _family(factory) in _FAMILIES)


def get_model(name, num_classes=10, **kwargs):
    """The network `name` of GluonCV's zoo, new and uninitialized: (N, C, H, W) -> (N, num_classes).

    It takes its number of channels C from its first input, also where GluonCV fixes 3. `kwargs`
    go to GluonCV's own factory.

    Raises ValueError for a name that GluonCV does not have and for a network that does not
    classify pictures or cannot be trained; ImportError where GluonCV cannot be imported.
    """
    return _make(name, num_classes, kwargs)[0]


def get_recipe(name):
    """The `Recipe` for the network `name` on Fashion-MNIST: as the book trains nets of its kind.

    Images stay 28x28, as for the book's ResNet, where the net can take them; otherwise they are
    resized to the smallest side it can take, of the usual ones from 32 to 299. The learning rate
    is 0.1, as for the book's DenseNet, or 0.01, as for its AlexNet (5.6), where no normalization
    steadies the net. Raises as `get_model` does.
    """
    with mx.name.NameManager():  # the names of nets made later are as if this one was not
        net, side = _make(name, 10, {})
    normalized = any(param.endswith('gamma') for param in net.collect_params())
    return Recipe(lr=0.1 if normalized else 0.01, batch_size=256, epochs=5,
                  resize=None if side == 28 else side)


def _zoo():
    """GluonCV's table of factories; ImportError, with what to do, where it cannot be imported."""
    try:
        import gluoncv  # noqa: F401  by itself, so that an error tells what is missing
        from gluoncv.model_zoo import model_zoo
    except ModuleNotFoundError as error:
        if error.name == 'gluoncv':
            raise ImportError(_MISSING) from error
        raise ImportError(_BROKEN.format(error=error)) from error
    except ImportError as error:
        raise ImportError(_BROKEN.format(error=error)) from error
    except RuntimeError as error:  # its own check of PyTorch's version
        raise ImportError(_TORCH.format(error=error)) from error
    return model_zoo._models


def _family(factory):
    return factory.__module__.replace('gluoncv.model_zoo.', '', 1)


def _make(name, num_classes, kwargs):
    """The network and the smallest of `_SIDES` that it takes."""
    zoo, full = _zoo(), '%s:%s' % (PREFIX, name)
    if name not in zoo:
        raise ValueError(_unknown(name))
    family = _family(zoo[name])
    if family not in _FAMILIES:
        why = _REFUSED.get(family.split('.')[0], 'it does not classify pictures')
        raise ValueError('%s cannot be trained here: %s' % (full, why))
    net = zoo[name](**dict(_FAMILIES[family], pretrained=False, classes=num_classes, **kwargs))
    _infer_channels(net)
    return net, _smallest_side(net, full, num_classes)


def _unknown(name):
    known = list_gluoncv_models()
    near = difflib.get_close_matches(name, [k.split(':')[1] for k in known], n=4, cutoff=0.7)
    if near:
        return ("there is no model '%s:%s'; near it are: %s (--model %s: lists all, and "
                'gluonblocks.list_gluoncv_models())'
                % (PREFIX, name, ', '.join('%s:%s' % (PREFIX, n) for n in near), PREFIX))
    return ("there is no model '%s:%s'; GluonCV's classifiers are: %s"
            % (PREFIX, name, ', '.join(known)))


def _infer_channels(net):
    """Leave the number of input channels open where the first convolution fixes it.

    `Parameter.shape` refuses to forget a length, so the attribute behind it is set. The net is not
    initialized yet: it takes the length from its first input, as other Gluon nets do.
    """
    first = next(param for param in net.collect_params().values() if len(param.shape or ()) == 4)
    first._shape = (first.shape[0], 0) + first.shape[2:]


def _smallest_side(net, full, num_classes):
    """The first of `_SIDES` at which `net` makes (N, num_classes) of grey images.

    Shapes alone are inferred, from the graph, so this takes a fraction of a second.
    """
    try:
        with mx.name.NameManager():
            graph = net(mx.sym.var('data'))
        reason = 'it makes another shape than (N, %d)' % num_classes
    except mx.base.MXNetError as error:
        raise ValueError(_cannot(full, num_classes, error))
    for side in _SIDES:
        try:
            _, shapes, _ = graph.infer_shape_partial(data=(2, 1, side, side))
        except mx.base.MXNetError as error:
            reason = error
            continue
        if shapes == [(2, num_classes)]:
            return side
    raise ValueError(_cannot(full, num_classes, reason))


def _cannot(full, num_classes, reason):
    return ('%s cannot be trained here, as a graph from grey images to %d classes: %s'
            % (full, num_classes, str(reason).strip().splitlines()[-1]))


register_zoo(PREFIX, get_model, get_recipe, example=PREFIX + ':cifar_resnet20_v1')
