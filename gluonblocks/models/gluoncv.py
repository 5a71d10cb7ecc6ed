"""The image classifiers of GluonCV's model zoo, as models named 'gluoncv:NAME'.

GluonCV (https://cv.gluon.ai) is an optional dependency, imported when such a name is first used.
"""
from fnmatch import fnmatchcase

from ..mxnet_private import forget_channels
from ..registry import similar_names
from .registry import MODELS, UNREGISTERED, Model

PREFIX = 'gluoncv'

# {smallest image size that the nets accept: modules of gluoncv.model_zoo}. With this table, a net's
# recipe can be created without building the net. The modules that are not listed contain no image
# classifiers that can be trained: MXNet cannot infer the shapes of hrnet's graph, and 8-bit nets
# support only inference.
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

_MISSING = """the models named %s:... need GluonCV, which is not installed. Install it with
  pip install gluoncv==0.10.5""" % PREFIX

_BROKEN = """GluonCV is installed but could not be imported: {error}
To find the cause, import its dependencies: python -c 'import cv2, matplotlib, PIL'
(if cv2 lacks system libraries, replace opencv-python with opencv-python-headless)"""


def list_gluoncv_models():
    """Return a sorted list of the GluonCV classifiers that can be trained, as 'gluoncv:NAME'.

    Raises ImportError, with instructions, if GluonCV cannot be imported.
    """
    return sorted('%s:%s' % (PREFIX, name) for name, factory in _zoo().items()
                  if _side(name, factory))


def _model(name):
    """Return the `Model` of a net in GluonCV's zoo, without building the net.

    The net infers its number of input channels from its first batch, even if GluonCV fixes it at 3.
    The recipe is for Fashion-MNIST. If the net accepts 28x28 images, they are not resized;
    otherwise, they are resized to the smallest size that the net accepts. The learning rate is 0.1,
    which the book uses for DenseNet. For nets without normalization, it is 0.01, which the book
    uses for AlexNet (D2L 5.6).

    Raises ValueError if the name is unknown, or if the net is not an image classifier or cannot be
    trained; ImportError if GluonCV cannot be imported.
    """
    full, factory = '%s:%s' % (PREFIX, name), _zoo().get(name)
    if not factory:
        known = list_gluoncv_models()
        raise ValueError("unknown model '%s'; %s: %s (gluonblocks.models.list_gluoncv_models() "
                         'lists all)' % (full, 'similar names' if name else 'known models',
                                         ', '.join(similar_names(full, known) if name else known)
                                         or 'none'))
    side, module = _side(name, factory), _module(factory)
    if not side:
        raise ValueError('expected an image classifier that MXNet can train, got %s: choose '
                         'one from gluonblocks.models.list_gluoncv_models()' % full)
    # Turn off NASNet's auxiliary output, because it would need a second loss.
    more = {'use_aux': False} if module == 'nasnet' else {}

    def make(num_classes=10, **kwargs):
        net = factory(**dict(more, pretrained=False, classes=num_classes, **kwargs))
        # Let the first convolution infer its number of input channels from the first batch, as
        # other Gluon layers do.
        forget_channels(next(param for param in net.collect_params().values()
                             if len(param.shape or ()) == 4))
        return net

    normalized = module not in _NOT_NORMALIZED or fnmatchcase(name, 'vgg*_bn')
    return Model(full, make, UNREGISTERED._replace(
        lr=0.1 if normalized else 0.01, resize=None if side == 28 else side))


def _zoo():
    """Return GluonCV's {name: net factory} dict, or raise an ImportError that says what to do."""
    try:
        import gluoncv  # noqa: F401  first, so that its error shows whether GluonCV is missing
        from gluoncv.model_zoo import model_zoo
        from PIL import ImageFile
    except (ImportError, RuntimeError) as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == 'gluoncv'
        raise ImportError(_MISSING if missing else _BROKEN.format(error=error)) from error
    # Importing GluonCV makes Pillow accept truncated image files, so restore Pillow's default.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    return model_zoo._models


def _module(factory):
    """Return the submodule of gluoncv.model_zoo that defines `factory`, such as 'yolo.darknet'."""
    return factory.__module__.replace('gluoncv.model_zoo.', '', 1)


def _side(name, factory):
    """Return the smallest image size that a net accepts, or None if it cannot be trained."""
    if fnmatchcase(name, 'resnet*_gn'):  # MXNet cannot trace the group normalization of these nets
        return None
    if fnmatchcase(name, 'cifar_residualattentionnet*'):
        return 32
    return next((side for side, modules in _SIDES.items() if _module(factory) in modules), None)


MODELS.add_prefix(PREFIX, _model, example=PREFIX + ':cifar_resnet20_v1')
