"""The densely connected network from D2L, section 5.13.3."""
from mxnet.gluon import nn

from ..blocks.dense import DenseBlock, transition_block
from ..graphs.net import Net
from .registry import BOOK, register
from .resnet import add_stem


@register(lr=0.1, resize=96, group=BOOK)
def densenet(num_classes=10, trace=False, prefix=None, params=None):
    """The DenseNet from D2L 5.13.3: (N, C, H, W) -> (N, num_classes).

    With `trace=True`, each dense block prints its layers' input and output shapes once, when it
    first runs. `prefix` and `params` are passed to the Gluon `Block`.
    """
    net = Net(prefix=prefix, params=params)
    with net.name_scope():
        add_stem(net)
        num_channels, growth_rate = 64, 32
        num_convs_in_dense_blocks = [4, 4, 4, 4]
        for i, num_convs in enumerate(num_convs_in_dense_blocks):
            net.add(DenseBlock(num_convs, growth_rate, trace=trace))
            num_channels += num_convs * growth_rate
            if i != len(num_convs_in_dense_blocks) - 1:
                # As in the book, num_channels itself is not halved, so the transitions return 96,
                # 160 and 224 channels.
                net.add(transition_block(num_channels // 2))
        net.add(nn.BatchNorm(), nn.Activation('relu'), nn.GlobalAvgPool2D(),
                nn.Dense(num_classes))
    return net
