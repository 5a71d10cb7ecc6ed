"""ResNets and DenseNets as the papers have them: for the exercises of D2L 5.12 and 5.13.

ResNets: table 1 of He, Zhang, Ren & Sun 2015 (arXiv:1512.03385), and with norms first, 2016
(arXiv:1603.05027). Their names begin with `paper_` because the book's own `resnet18` is another
net: it is made for small images, with a 3x3 convolution and no pooling before its blocks, and has
biases. `_v1b` (strides on the 3x3 convolutions) and `_v2` (norms first) are GluonCV's words.

DenseNets: table 1 of Huang, Liu, van der Maaten & Weinberger 2016 (arXiv:1608.06993), with
bottlenecks and compression. Images must have at least 29 pixels a side: the transitions halve what
the stem leaves three times, rounded down.

Recipes: the learning rates are those of the book's ResNet and DenseNet. The stem and the stages
halve the images five times. At 28x28 the last maps would be 1x1, and rounded up on the way; at
64x64 each halving is even and the last maps are 2x2, for a twelfth of the work of the papers'
224x224. The batch is 64, so that the deepest net fits the memory of a small computer, too.
"""
import functools

from mxnet.gluon import nn

from ..blocks.bottleneck import PreActivationUnit, ResidualUnit, basic, bottleneck
from ..blocks.dense_bottleneck import BottleneckDenseBlock, compression_block
from ..graphs.net import Net
from .registry import PAPERS, register
from .resnet import add_stem

# The kind of unit, and how many there are in each of the four stages.
RESNETS = {18: (basic, (2, 2, 2, 2)), 34: (basic, (3, 4, 6, 3)), 50: (bottleneck, (3, 4, 6, 3)),
           101: (bottleneck, (3, 4, 23, 3)), 152: (bottleneck, (3, 8, 36, 3))}
# Channels of the stem, growth rate, and how many blocks there are in each of the four dense blocks;
# 161 as the authors published it.
DENSENETS = {121: (64, 32, (6, 12, 24, 16)), 161: (96, 48, (6, 12, 36, 24)),
             169: (64, 32, (6, 12, 32, 32)), 201: (64, 32, (6, 12, 48, 32)),
             264: (64, 32, (6, 12, 64, 48))}


def paper_resnet(depth, num_classes=10, stride_on='1x1', pre_activation=False, prefix=None,
                 params=None):
    """The ResNet of `depth` weighted layers: (N, C, H, W) -> (N, num_classes).

    `depth` is one of `RESNETS`, from 50 on with bottlenecks, whose strides are `stride_on` '1x1',
    as in the paper, or '3x3'. With `pre_activation` each convolution comes after its norm and relu.
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
    """The DenseNet of `depth` weighted layers: (N, C, H, W) -> (N, num_classes).

    `depth` is one of `DENSENETS`; the transitions halve the channels, and height and width by
    `pooling`, 'avg' as in the paper or 'max'.
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
