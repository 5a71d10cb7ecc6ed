"""DenseNets as the paper has them: table 1 of Huang, Liu, van der Maaten & Weinberger 2016
(arXiv:1608.06993), with bottlenecks and compression. For the exercises of D2L 5.13.

Recipes: as for the ResNets beside them (`resnet_paper`), with the learning rate of the book's
DenseNet. Images must have 29 pixels a side at least: the transitions halve what the stem leaves
three times, rounded down.
"""
import functools

from mxnet.gluon import nn

from ..blocks.dense_bottleneck import BottleneckDenseBlock, compression_block
from ..graphs.net import Net
from .registry import PAPERS, register
from .resnet_paper import add_paper_stem

# Table 1, and 161 as the authors published it: channels of the stem, growth rate, and how many
# blocks there are in each of the four dense blocks.
TABLE_1 = {121: (64, 32, (6, 12, 24, 16)), 161: (96, 48, (6, 12, 36, 24)),
           169: (64, 32, (6, 12, 32, 32)), 201: (64, 32, (6, 12, 48, 32)),
           264: (64, 32, (6, 12, 64, 48))}


def paper_densenet(depth, num_classes=10, pooling='avg', prefix=None, params=None):
    """The DenseNet of `depth` weighted layers: (N, C, H, W) -> (N, num_classes).

    `depth` is one of `TABLE_1`; the transitions halve the channels, and height and width by
    `pooling`, 'avg' as in the paper or 'max'. `prefix` and `params` are as for `densenet`.

    Raises ValueError for another depth or `pooling`.
    """
    if depth not in TABLE_1:
        raise ValueError('depth is %r, but must be one of %s'
                         % (depth, ', '.join(map(str, TABLE_1))))
    num_channels, growth_rate, num_convs_in_dense_blocks = TABLE_1[depth]
    net = Net(prefix=prefix, params=params)
    with net.name_scope():
        add_paper_stem(net, num_channels)
        for i, num_convs in enumerate(num_convs_in_dense_blocks):
            net.add(BottleneckDenseBlock(num_convs, growth_rate))
            num_channels += num_convs * growth_rate
            if i != len(num_convs_in_dense_blocks) - 1:
                num_channels //= 2
                net.add(compression_block(num_channels, pooling))
        net.add(nn.BatchNorm(), nn.Activation('relu'), nn.GlobalAvgPool2D(),
                nn.Dense(num_classes))
    return net


_register = functools.partial(register, lr=0.1, batch_size=64, resize=64, group=PAPERS)
for _depth in TABLE_1:
    _register(name='densenet%d' % _depth)(functools.partial(paper_densenet, _depth))
_register(name='densenet121_maxpool')(functools.partial(paper_densenet, 121, pooling='max'))
