"""The ResNets and DenseNets of the original papers, for the exercises of D2L 5.12 and 5.13.

The ResNets are from table 1 of He, Zhang, Ren & Sun 2015 (arXiv:1512.03385); the pre-activation
nets are from their 2016 paper (arXiv:1603.05027). The ResNet names begin with `paper_`,
because the book's `resnet18` is a different net: it begins with a 3x3 convolution without pooling,
to suit small images, and its convolutions have biases. The suffixes follow GluonCV: in `_v1b` nets,
the bottlenecks downsample in their 3x3 convolutions; in `_v2` nets, a norm precedes each
convolution.

The DenseNets are from table 1 of Huang, Liu, van der Maaten & Weinberger 2016 (arXiv:1608.06993),
with bottlenecks and compression. Images must be at least 29x29, because after the stem three
transitions halve the height and width, rounding down.

Recipes: the learning rates are those of the book's ResNet and DenseNet. Images are resized to
64x64, because the stem and the stages halve them five times: every halving is exact, the last
feature maps are 2x2, and the cost is a twelfth of the cost at the papers' 224x224. At 28x28, some
halvings would round up, and the last maps would be 1x1. With a batch size of 64, even the deepest
net fits into the memory of a small computer.
"""
import functools

from mxnet.gluon import nn

from ..blocks.bottleneck import PreActivationUnit, ResidualUnit, basic, bottleneck
from ..blocks.dense_bottleneck import BottleneckDenseBlock, compression_block
from ..graphs.net import Net
from .registry import PAPERS, register
from .resnet import add_stem

# {depth: (basic or bottleneck units, number of units in each of the four stages)}
RESNETS = {18: (basic, (2, 2, 2, 2)), 34: (basic, (3, 4, 6, 3)), 50: (bottleneck, (3, 4, 6, 3)),
           101: (bottleneck, (3, 4, 23, 3)), 152: (bottleneck, (3, 8, 36, 3))}
# {depth: (channels of the stem, growth rate, number of layers in each of the four dense blocks)}.
# Depth 161 is the wider net, with growth rate 48, that the authors published with their code.
DENSENETS = {121: (64, 32, (6, 12, 24, 16)), 161: (96, 48, (6, 12, 36, 24)),
             169: (64, 32, (6, 12, 32, 32)), 201: (64, 32, (6, 12, 48, 32)),
             264: (64, 32, (6, 12, 64, 48))}


def paper_resnet(depth, num_classes=10, stride_on='1x1', pre_activation=False, prefix=None,
                 params=None):
    """The ResNet of He et al. with `depth` weighted layers: (N, C, H, W) -> (N, num_classes).

    `depth` is a key of `RESNETS`. Nets with 50 or more layers use bottlenecks, in which `stride_on`
    selects the strided convolution: '1x1' as in the paper, or '3x3'. With `pre_activation`, a
    batch norm and a relu precede each convolution instead of following it.
    """
    kind, num_units = RESNETS[depth]
    if kind is bottleneck:
        kind = functools.partial(bottleneck, stride_on=stride_on)
    unit = PreActivationUnit if pre_activation else ResidualUnit
    net = Net(prefix=prefix, params=params)
    with net.name_scope():
        add_stem(net, use_bias=False)
        num_before = 64
        for stage, count in enumerate(num_units):
            for i in range(count):
                convs = kind(64 * 2 ** stage, 2 if i == 0 and stage > 0 else 1)
                net.add(unit(convs, project=i == 0 and (
                    stage > 0 or convs[-1].num_channels != num_before)))
        if pre_activation:
            net.add(nn.BatchNorm(), nn.Activation('relu'))
        net.add(nn.GlobalAvgPool2D(), nn.Dense(num_classes))
    return net


def paper_densenet(depth, num_classes=10, pooling='avg', prefix=None, params=None):
    """The DenseNet of Huang et al. with `depth` weighted layers: (N, C, H, W) -> (N, num_classes).

    `depth` is a key of `DENSENETS`. The transitions halve the number of channels, the height and
    the width. `pooling` is 'avg', as in the paper, or 'max'.
    """
    num_channels, growth_rate, num_convs_in_dense_blocks = DENSENETS[depth]
    net = Net(prefix=prefix, params=params)
    with net.name_scope():
        add_stem(net, num_channels, use_bias=False)
        for i, num_convs in enumerate(num_convs_in_dense_blocks):
            net.add(BottleneckDenseBlock(num_convs, growth_rate))
            num_channels += num_convs * growth_rate
            if i != len(num_convs_in_dense_blocks) - 1:
                num_channels //= 2
                net.add(compression_block(num_channels, pooling))
        net.add(nn.BatchNorm(), nn.Activation('relu'), nn.GlobalAvgPool2D(),
                nn.Dense(num_classes))
    return net


def _register(name, lr, make, depth, **settings):
    register(lr, batch_size=64, resize=64, name=name, group=PAPERS)(
        functools.partial(make, depth, **settings))


for _depth in RESNETS:
    _register('paper_resnet%d' % _depth, 0.05, paper_resnet, _depth)
    _register('paper_resnet%d_v2' % _depth, 0.05, paper_resnet, _depth, pre_activation=True)
_register('paper_resnet50_v1b', 0.05, paper_resnet, 50, stride_on='3x3')
for _depth in DENSENETS:
    _register('densenet%d' % _depth, 0.1, paper_densenet, _depth)
_register('densenet121_maxpool', 0.1, paper_densenet, 121, pooling='max')
