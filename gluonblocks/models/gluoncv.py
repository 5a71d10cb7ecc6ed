"""The classifiers of GluonCV's zoo as models: 'gluoncv:' and a name of the zoo.

GluonCV (https://cv.gluon.ai) is an extra. It is imported when the first of these names is used.
"""
import sys
from fnmatch import fnmatchcase
from typing import Any, Dict, NamedTuple

from ..mxnet_private import forget_channels
from ..registry import near
from .registry import MODELS, Model, Recipe

PREFIX = 'gluoncv'


class _Family(NamedTuple):
    """Nets of one kind: the side of the smallest images that they take, of the usual ones from
    Fashion-MNIST's 28 to Inception's 299; whether they are normalized; what their factories are
    given beside the number of classes."""

    side: int = 28
    normalized: bool = True
    kwargs: Dict[str, Any] = {}


# By the modules of gluoncv.model_zoo that hold classifiers of pictures. A test builds each net and
# compares, so that asking for a recipe builds none.
_FAMILIES = {
    'alexnet': _Family(side=64, normalized=False),
    'cifarresnet': _Family(),
    'cifarresnext': _Family(),
    'cifarwideresnet': _Family(),
    'densenet': _Family(side=224),
    'dla': _Family(side=32),
    'googlenet': _Family(side=224),
    'inception': _Family(side=299),
    'mobilenet': _Family(),
    'mobilenetv3': _Family(),
    # Its second, auxiliary output would need a loss of its own.
    'nasnet': _Family(kwargs={'use_aux': False}),
    'residual_attentionnet': _Family(side=224),
    'resnest': _Family(),
    'resnet': _Family(),
    'resnetv1b': _Family(),
    'resnext': _Family(),
    'senet': _Family(),
    'shufflenet': _Family(),
    'squeezenet': _Family(side=224, normalized=False),
    'vgg': _Family(side=32, normalized=False),
    'xception': _Family(),
    'yolo.darknet': _Family(),
}
# Names that are not as the rest of their module.
_EXCEPTIONS = {
    'cifar_residualattentionnet*': _Family(side=32),
    'vgg*_bn': _Family(side=32),
}

# Why the other classifiers do not train: by module, of which one that is named nowhere here has
# other tasks, and by name.
_REFUSED = {
    'hrnet': 'MXNet cannot infer the shapes of its graph, so it takes colour pictures only',
    'pruned_resnet': 'its layers are cut to fit the weights that it was pruned with',
    'quantized': 'it is quantized to 8 bits, and those nets can only predict',
    'action_recognition': 'it classifies videos',
}
_REFUSED_NAMES = {
    'resnet*_gn': 'MXNet cannot build the graph of its group normalization',
}

_MISSING = """GluonCV is not installed, which the models named %s:... come from. Install it with
  pip install gluoncv==0.10.5""" % PREFIX

_BROKEN = """GluonCV is installed but could not be imported: {error}
It does not tell why. What it needs, tried one by one, may: python -c 'import cv2, matplotlib, PIL'
(opencv-python needs system libraries; opencv-python-headless in its place does not)"""


def list_gluoncv_models():
    """The names of the classifiers in GluonCV's zoo that train here, sorted: 'gluoncv:NAME'.

    Raises ImportError where GluonCV cannot be imported, with what to do.
    """
    return sorted('%s:%s' % (PREFIX, name) for name, factory in _zoo().items()
                  if not _reason_against(name, factory))


def _model(name):
    """The `Model` of the network `name` of GluonCV's zoo; no net is built for it.

    It takes its number of channels C from its first input, also where GluonCV fixes 3. Its recipe
    is that for Fashion-MNIST, as the book trains nets of its kind: images stay 28x28, as for the
    book's ResNet, if the net can take them, and otherwise have the smallest side that it can take,
    of the usual ones from 32 to 299. The learning rate is 0.1, as for the book's DenseNet, or 0.01,
    as for its AlexNet (5.6), where no normalization steadies the net.

    Raises ValueError for a name that GluonCV does not have and for a network that does not
    classify pictures or cannot be trained; ImportError where GluonCV cannot be imported.
    """
    factory, family = _look_up(name)

    def make(num_classes=10, **kwargs):
        net = factory(**dict(family.kwargs, pretrained=False, classes=num_classes, **kwargs))
        # The first convolution learns its channels from the first input, as in other Gluon nets.
        forget_channels(next(param for param in net.collect_params().values()
                             if len(param.shape or ()) == 4))
        return net

    return Model('%s:%s' % (PREFIX, name), make, Recipe(
        lr=0.1 if family.normalized else 0.01, batch_size=256, epochs=5,
        resize=None if family.side == 28 else family.side))


def _zoo():
    """GluonCV's table of factories; ImportError, with what to do, where it cannot be imported."""
    new = 'gluoncv' not in sys.modules
    try:
        import gluoncv  # noqa: F401  by itself, so that an error tells what is missing
        from gluoncv.model_zoo import model_zoo
    except ModuleNotFoundError as error:
        if error.name == 'gluoncv':
            raise ImportError(_MISSING) from error
        raise ImportError(_BROKEN.format(error=error)) from error
    except (ImportError, RuntimeError) as error:
        raise ImportError(_BROKEN.format(error=error)) from error
    if new:
        # GluonCV sets it, and Pillow would fill up what a damaged picture lacks.
        from PIL import ImageFile
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    return model_zoo._models


def _module(factory):
    """The module of gluoncv.model_zoo that `factory` is from, as 'resnet' or 'yolo.darknet'."""
    return factory.__module__.replace('gluoncv.model_zoo.', '', 1)


def _look_up(name):
    """The zoo's factory of the network `name`, and its `_Family`."""
    zoo = _zoo()
    if name not in zoo:
        raise ValueError(_unknown(name))
    reason = _reason_against(name, zoo[name])
    if reason:
        raise ValueError('%s:%s cannot be trained here: %s' % (PREFIX, name, reason))
    return zoo[name], _matching(_EXCEPTIONS, name) or _FAMILIES[_module(zoo[name])]


def _reason_against(name, factory):
    """Why the network does not train here, in words, or None if it does."""
    module = _module(factory)
    if module not in _FAMILIES:
        return _REFUSED.get(module.split('.')[0], 'it does not classify pictures')
    return _matching(_REFUSED_NAMES, name)


def _matching(table, name):
    """The entry of `table` whose pattern fits `name`, or None."""
    return next((entry for pattern, entry in table.items() if fnmatchcase(name, pattern)), None)


def _unknown(name):
    known = list_gluoncv_models()
    close = near(name, [k.split(':')[1] for k in known])
    if close:
        return ("there is no model '%s:%s'; near it are: %s "
                '(gluonblocks.models.list_gluoncv_models() lists all)'
                % (PREFIX, name, ', '.join('%s:%s' % (PREFIX, n) for n in close)))
    return ("there is no model '%s:%s'; GluonCV's classifiers are: %s"
            % (PREFIX, name, ', '.join(known)))


MODELS.add_prefix(PREFIX, _model, example=PREFIX + ':cifar_resnet20_v1')
