"""The registry of models: a factory for each, and beside it the recipe the book trains it with."""
import collections

from mxnet.gluon import nn

from ..blocks.dense import DenseBlock, transition_block
from ..blocks.norm import BatchNorm
from ..blocks.residual import resnet_block
from ..graphs.net import Net

Recipe = collections.namedtuple('Recipe', 'lr batch_size num_epochs resize')
Recipe.__doc__ = """How the book trains a model: SGD with learning rate `lr` on batches of
`batch_size`, `num_epochs` times over the data, images resized to `resize` pixels (None: as they
are), weights initialized by Xavier."""

_factories = {}
_recipes = {}
_zoos = {}

Zoo = collections.namedtuple('Zoo', 'get_model get_recipe example')


def register(lr, batch_size=256, num_epochs=5, resize=None):
    """Decorate a factory: its name becomes the model's. A name taken twice is a ValueError."""
    def add(factory):
        name = factory.__name__
        if name in _factories:
            raise ValueError('a model named %r is registered already' % name)
        _factories[name] = factory
        _recipes[name] = Recipe(lr, batch_size, num_epochs, resize)
        return factory
    return add


def register_zoo(prefix, get_model, get_recipe, example):
    """Have the names 'prefix:NAME' looked up by `get_model(NAME, **kwargs)`, `get_recipe(NAME)`.

    For libraries of models. Both raise ValueError for a NAME that they do not know; `example` is
    one of the names, for messages. A prefix taken twice is a ValueError.
    """
    if prefix in _zoos:
        raise ValueError('models named %s:... are registered already' % prefix)
    _zoos[prefix] = Zoo(get_model, get_recipe, example)


def list_models():
    """The names of all models that are made here, sorted; those of other libraries are not."""
    return sorted(_factories)


def get_model(name, **kwargs):
    """A new, uninitialized net by its name; `kwargs` go to its factory, as `num_classes=10`.

    Raises ValueError for an unknown name; the message lists all.
    """
    zoo, inner = _zoo_of(name)
    return zoo.get_model(inner, **kwargs) if zoo else _look_up(_factories, name)(**kwargs)


def get_recipe(name):
    """The `Recipe` of the model `name`. Raises ValueError for an unknown name."""
    zoo, inner = _zoo_of(name)
    return zoo.get_recipe(inner) if zoo else _look_up(_recipes, name)


def _zoo_of(name):
    """The `Zoo` that `name` belongs to, or None, and the name within it."""
    prefix, colon, inner = name.partition(':')
    return (_zoos.get(prefix) if colon else None), inner


def _look_up(table, name):
    if name not in table:
        others = ''.join('; names such as %s work too' % zoo.example for zoo in _zoos.values())
        raise ValueError('there is no model %r; the models are: %s%s'
                         % (name, ', '.join(list_models()), others))
    return table[name]


def _lenet(norms, num_classes):
    """LeNet with a normalization layer before each activation; `norms` makes them one by one."""
    net = Net()
    net.add(nn.Conv2D(6, kernel_size=5), next(norms),
            nn.Activation('sigmoid'), nn.MaxPool2D(pool_size=2, strides=2),
            nn.Conv2D(16, kernel_size=5), next(norms),
            nn.Activation('sigmoid'), nn.MaxPool2D(pool_size=2, strides=2),
            nn.Dense(120), next(norms), nn.Activation('sigmoid'),
            nn.Dense(84), next(norms), nn.Activation('sigmoid'),
            nn.Dense(num_classes))
    return net


@register(lr=1.0)
def lenet_bn(num_classes=10):
    """LeNet on our own `BatchNorm`: (N, 1, 28, 28) -> (N, num_classes). D2L 5.11.3."""
    return _lenet(iter([BatchNorm(6, num_dims=4), BatchNorm(16, num_dims=4),
                        BatchNorm(120, num_dims=2), BatchNorm(84, num_dims=2)]), num_classes)


@register(lr=1.0)
def lenet_bn_gluon(num_classes=10):
    """The same on Gluon's `nn.BatchNorm`: (N, 1, 28, 28) -> (N, num_classes). D2L 5.11.4."""
    return _lenet((nn.BatchNorm() for _ in range(4)), num_classes)


def _stem(net):
    """The first layers that ResNet and DenseNet share: (N, C, H, W) -> (N, 64, H / 4, W / 4)."""
    net.add(nn.Conv2D(64, kernel_size=7, strides=2, padding=3), nn.BatchNorm(),
            nn.Activation('relu'), nn.MaxPool2D(pool_size=3, strides=2, padding=1))


@register(lr=0.05)
def resnet(num_classes=10):
    """The chapter's ResNet, of 26 weighted layers: (N, C, H, W) -> (N, num_classes). D2L 5.12.2."""
    net = Net()
    _stem(net)
    for i, num_channels in enumerate((64, 128, 256, 512)):
        net.add(*resnet_block(num_channels, 3, first_block=i == 0))
    net.add(nn.GlobalAvgPool2D(), nn.Dense(num_classes))
    return net


@register(lr=0.1, num_epochs=4)
def resnet18(num_classes=10):
    """ResNet-18 as the book's helper package has it, for small images: a 3x3 convolution and no
    pooling before its blocks: (N, C, H, W) -> (N, num_classes). D2L 8.4."""
    net = Net()
    net.add(nn.Conv2D(64, kernel_size=3, strides=1, padding=1), nn.BatchNorm(),
            nn.Activation('relu'))
    for i, num_channels in enumerate((64, 128, 256, 512)):
        net.add(resnet_block(num_channels, 2, first_block=i == 0))
    net.add(nn.GlobalAvgPool2D(), nn.Dense(num_classes))
    return net


@register(lr=0.1, resize=96)
def densenet(num_classes=10, trace=False):
    """The chapter's DenseNet: (N, C, H, W) -> (N, num_classes). D2L 5.13.3.

    `trace` prints the shapes within its dense blocks, once, as `DenseBlock` tells.
    """
    net = Net()
    _stem(net)
    num_channels, growth_rate = 64, 32
    num_convs_in_dense_blocks = [4, 4, 4, 4]
    for i, num_convs in enumerate(num_convs_in_dense_blocks):
        net.add(DenseBlock(num_convs, growth_rate, trace=trace))
        num_channels += num_convs * growth_rate
        if i != len(num_convs_in_dense_blocks) - 1:
            # Book: half of num_channels, which itself is not halved: 96, 160 and 224 channels.
            net.add(transition_block(num_channels // 2))
    net.add(nn.BatchNorm(), nn.Activation('relu'), nn.GlobalAvgPool2D(), nn.Dense(num_classes))
    return net
