"""ResNets as the papers have them: table 1 of He, Zhang, Ren & Sun 2015 (arXiv:1512.03385), and
with norms first, 2016 (arXiv:1603.05027). For the exercises of D2L 5.12.

Their names begin with `paper_`, for the book's own `resnet18` is another net: it is made for small
images, with a 3x3 convolution and no pooling before its blocks, and has biases. `_v1b` (strides on
the 3x3 convolutions) and `_v2` (norms first) are GluonCV's words.

Recipes: the stem and the stages halve the images five times. At 28x28 the last maps would be 1x1,
and rounded up on the way; at 64x64 each halving is even and the last maps are 2x2, for a twelfth of
the work of the papers' 224x224. The batch is 64, for which also the deepest fits the memory of a
small computer.
"""
import functools

from mxnet.gluon import nn

from ..blocks.bottleneck import PreActivationUnit, ResidualUnit, basic, bottleneck
from ..graphs.net import Net
from .registry import PAPERS, register

# Table 1: the kind of unit, and how many there are in each of the four stages.
TABLE_1 = {18: (basic, (2, 2, 2, 2)), 34: (basic, (3, 4, 6, 3)), 50: (bottleneck, (3, 4, 6, 3)),
           101: (bottleneck, (3, 4, 23, 3)), 152: (bottleneck, (3, 8, 36, 3))}


def paper_resnet(depth, num_classes=10, stride_on='1x1', pre_activation=False, prefix=None,
                 params=None):
    """The ResNet of `depth` weighted layers: (N, C, H, W) -> (N, num_classes).

    `depth` is one of `TABLE_1`, from 50 on with bottlenecks, whose strides are `stride_on` '1x1',
    as in the paper, or '3x3'. With `pre_activation` each convolution comes after its norm and relu.
    `prefix` and `params` are as for `resnet`.

    Raises ValueError for another depth or `stride_on`.
    """
    if depth not in TABLE_1:
        raise ValueError('depth is %r, but must be one of %s'
                         % (depth, ', '.join(map(str, TABLE_1))))
    kind, num_units = TABLE_1[depth]
    if kind is bottleneck:
        kind = functools.partial(bottleneck, stride_on=stride_on)
    unit = PreActivationUnit if pre_activation else ResidualUnit
    net = Net(prefix=prefix, params=params)
    with net.name_scope():
        add_paper_stem(net, 64)
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


def add_paper_stem(net, num_channels):
    """`add_stem` of the book without the bias: (N, C, H, W) -> (N, num_channels, H / 4, W / 4)."""
    net.add(nn.Conv2D(num_channels, kernel_size=7, strides=2, padding=3, use_bias=False),
            nn.BatchNorm(), nn.Activation('relu'),
            nn.MaxPool2D(pool_size=3, strides=2, padding=1))


_register = functools.partial(register, lr=0.05, batch_size=64, resize=64, group=PAPERS)
for _depth in TABLE_1:
    _factory = functools.partial(paper_resnet, _depth)
    _register(name='paper_resnet%d' % _depth)(_factory)
    _register(name='paper_resnet%d_v2' % _depth)(functools.partial(_factory, pre_activation=True))
_register(name='paper_resnet50_v1b')(functools.partial(paper_resnet, 50, stride_on='3x3'))
