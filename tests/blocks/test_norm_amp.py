"""MXNet's automatic mixed precision takes nets that hold `BatchNorm`."""
import re

import mxnet as mx
import pytest
from mxnet import autograd, nd
from mxnet.contrib import amp
from reference import close

import gluonblocks as gb


def trained_net(X):
    net = gb.get_model('lenet_bn')
    net.initialize(mx.init.Xavier())
    net.hybridize()
    for _ in range(30):
        with autograd.record():
            net(X).backward()
    return net


def test_a_net_converted_to_bfloat16_predicts_the_same_within_its_eight_bits():
    X = nd.random.uniform(shape=(16, 1, 28, 28))
    net = trained_net(X)
    expected = net(X).asnumpy()
    converted = amp.convert_hybrid_block(net, target_dtype='bfloat16', ctx=mx.cpu())
    try:
        Y = converted(X).astype('float32').asnumpy()
    except mx.base.MXNetError as error:
        # oneDNN says of what it has no code for that it could not create a primitive.
        assert re.search('bfloat16|mkldnn|primitive', str(error).lower())
        pytest.skip('this processor or MXNet has no bfloat16: %s' % error)
    close(Y, expected, 0.05)
