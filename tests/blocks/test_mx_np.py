"""Arrays of mx.np and `npx.set_np()`: every block refuses them, in the same sentence."""
import mxnet as mx
import pytest
from mxnet import nd, npx
from mxnet.gluon import nn

import gluonblocks as gb

BLOCKS = {'Residual': lambda: gb.Residual(3), 'DenseBlock': lambda: gb.DenseBlock(2, 3),
          'conv_block': lambda: gb.conv_block(3),
          'transition_block': lambda: gb.transition_block(3),
          'resnet_block': lambda: gb.resnet_block(3, 1)}
SENTENCE = (r'expects mx\.nd arrays, not mx\.np arrays: call npx\.reset_np\(\) if npx\.set_np\(\) '
            r'was called, and pass X\.as_nd_ndarray\(\)$')


@pytest.mark.parametrize('hybridize', [False, True])
@pytest.mark.parametrize('name', BLOCKS)
def test_no_block_is_made_or_run_under_set_np_nor_takes_its_arrays(name, hybridize):
    block, net = BLOCKS[name](), nn.HybridSequential()
    net.add(BLOCKS[name]())  # hybridized, the net passes it symbols
    for each in (block, net):
        each.initialize()
        each.hybridize(hybridize)
    if name != 'resnet_block':  # a container of Gluon's own
        with pytest.raises(ValueError, match=SENTENCE):
            block(mx.np.ones((2, 3, 6, 6)))
    npx.set_np()
    try:
        for call in (lambda: block(mx.np.ones((2, 3, 6, 6))), lambda: block(nd.ones((2, 3, 6, 6))),
                     lambda: net(mx.np.ones((2, 3, 6, 6))), BLOCKS[name]):
            with pytest.raises(ValueError, match=SENTENCE):
                call()
    finally:
        npx.reset_np()
