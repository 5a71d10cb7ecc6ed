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
SENTENCE = (r'takes arrays of mx\.nd and not of mx\.np: call npx\.reset_np\(\) if npx\.set_np\(\) '
            r'is on, and give X\.as_nd_ndarray\(\)$')


@pytest.fixture
def set_np():
    yield npx.set_np
    npx.reset_np()


def ready(block, hybridize):
    block.initialize()
    block.hybridize(hybridize)
    return block


@pytest.mark.parametrize('name', BLOCKS)
def test_no_block_is_made_under_set_np(name, set_np):
    set_np()
    with pytest.raises(ValueError, match=SENTENCE):
        BLOCKS[name]()


@pytest.mark.parametrize('hybridize', [False, True])
@pytest.mark.parametrize('name', BLOCKS)
def test_a_block_made_before_does_not_run_under_set_np(name, hybridize, set_np):
    block = ready(BLOCKS[name](), hybridize)
    net = nn.HybridSequential()
    net.add(BLOCKS[name]())  # hybridized, the net hands it symbols
    ready(net, hybridize)
    set_np()
    for call in (lambda: block(mx.np.ones((2, 3, 6, 6))), lambda: block(nd.ones((2, 3, 6, 6))),
                 lambda: net(mx.np.ones((2, 3, 6, 6)))):
        with pytest.raises(ValueError, match=SENTENCE):
            call()


@pytest.mark.parametrize('hybridize', [False, True])
@pytest.mark.parametrize('name', sorted(set(BLOCKS) - {'resnet_block'}))
def test_an_array_of_mx_np_is_refused_without_set_np_too(name, hybridize):
    block = ready(BLOCKS[name](), hybridize)
    with pytest.raises(ValueError, match=SENTENCE):
        block(mx.np.ones((2, 3, 6, 6)))
