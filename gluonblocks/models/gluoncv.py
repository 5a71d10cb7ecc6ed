"""The classifiers of GluonCV's zoo as models: 'gluoncv:' and a name of the zoo.

GluonCV (https://cv.gluon.ai) is an extra. It is imported when the first of these names is used.
"""
from fnmatch import fnmatchcase

from ..mxnet_private import forget_channels
from ..registry import near
from .registry import MODELS, UNREGISTERED, Model

PREFIX = 'gluoncv'

# The side of the smallest images that the nets of these modules of gluoncv.model_zoo take, of the
# usual ones from Fashion-MNIST's 28 to Inception's 299. A test builds nets and compares, so that no
# net is built for a recipe. Other modules have no classifiers of pictures that train here: MXNet
# cannot infer the shapes of hrnet's graph, and those in 8 bits can only predict.
_SIDES = {
    28: ('cifarresnet', 'cifarresnext', 'cifarwideresnet', 'mobilenet', 'mobilenetv3', 'nasnet',
         'resnest', 'resnet', 'resnetv1b', 'resnext', 'senet', 'shufflenet', 'xception',
         'yolo.darknet'),
    32: ('dla', 'vgg'),
    64: ('alexnet',),
    224: ('densenet', 'googlenet', 'residual_attentionnet', 'squeezenet'),
    299: ('inception',),
}
_NOT_NORMALIZED = ('alexnet', 'squeezenet', 'vgg')

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
                  if _side(name, factory))


def _model(name):
    """The `Model` of the network `name` of GluonCV's zoo; no net is built for it.

    It takes its number of channels C from its first input, also where GluonCV fixes 3. Its recipe
    is that for Fashion-MNIST, as the book trains nets of its kind: images stay 28x28, as for the
    book's ResNet, if the net can take them, and otherwise have the smallest side that it can take.
    The learning rate is 0.1, as for the book's DenseNet, or 0.01, as for its AlexNet (5.6), where
    no normalization steadies the net.

    Raises ValueError for a name that GluonCV does not have and for a network that does not
    classify pictures or cannot be trained; ImportError where GluonCV cannot be imported.
    """
    full, factory = '%s:%s' % (PREFIX, name), _zoo().get(name)
    if not factory:
        known = list_gluoncv_models()
        raise ValueError("there is no model '%s'; %s: %s (gluonblocks.models.list_gluoncv_models() "
                         'lists all)' % (full, 'near it are' if name else 'there are', ', '.join(
                             near(full, known) if name else known) or 'none'))
    side, module = _side(name, factory), _module(factory)
    if not side:
        raise ValueError('%s cannot be trained here: it does not classify pictures, or MXNet '
                         'cannot train it' % full)
    # Its second, auxiliary output would need a loss of its own.
    more = {'use_aux': False} if module == 'nasnet' else {}

    def make(num_classes=10, **kwargs):
        net = factory(**dict(more, pretrained=False, classes=num_classes, **kwargs))
        # The first convolution learns its channels from the first input, as in other Gluon nets.
        forget_channels(next(param for param in net.collect_params().values()
                             if len(param.shape or ()) == 4))
        return net

    normalized = module not in _NOT_NORMALIZED or fnmatchcase(name, 'vgg*_bn')
    return Model(full, make, UNREGISTERED._replace(
        lr=0.1 if normalized else 0.01, resize=None if side == 28 else side))


def _zoo():
    """GluonCV's table of factories; ImportError, with what to do, where it cannot be imported."""
    try:
        import gluoncv  # noqa: F401  by itself, so that an error tells what is missing
        from gluoncv.model_zoo import model_zoo
        from PIL import ImageFile
    except (ImportError, RuntimeError) as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == 'gluoncv'
        raise ImportError(_MISSING if missing else _BROKEN.format(error=error)) from error
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # GluonCV lets Pillow fill up damaged pictures
    return model_zoo._models


def _module(factory):
    """The module of gluoncv.model_zoo that `factory` is from, as 'resnet' or 'yolo.darknet'."""
    return factory.__module__.replace('gluoncv.model_zoo.', '', 1)


def _side(name, factory):
    """The side of the smallest images that a network takes; None if it does not train here."""
    if fnmatchcase(name, 'resnet*_gn'):  # MXNet cannot build the graph of its group normalization
        return None
    if fnmatchcase(name, 'cifar_residualattentionnet*'):
        return 32
    return next((side for side, modules in _SIDES.items() if _module(factory) in modules), None)


MODELS.add_prefix(PREFIX, _model, example=PREFIX + ':cifar_resnet20_v1')
