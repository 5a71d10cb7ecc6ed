"""The benchmark's nets in PyTorch compute the same outputs as the models, given equal weights."""
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from reference import randomize

import gluonblocks as gb

torch = pytest.importorskip('torch', reason='PyTorch is not installed (the extra `torch`)')
from tools.benchmarks.torch_nets import NETS  # noqa: E402  it imports torch

SIDES = {'densenet': 32}  # image sizes; 32 is faster than the recipe's 96


@pytest.mark.parametrize('name', sorted(NETS))
def test_a_net_in_pytorch_has_the_outputs_of_the_model(name):
    side = SIDES.get(name, 28)
    X = np.random.RandomState(0).rand(8, 1, side, side).astype('float32')
    ours, theirs = gb.get_model(name), NETS[name]()
    ours.initialize(mx.init.Xavier())
    with autograd.record():  # a prediction would move the weights to oneDNN's layout
        ours(nd.array(X))
    randomize(ours)
    params = list(ours._collect_params_with_prefix().values())
    arrays = [array for array in theirs.state_dict().values() if array.dim()]
    assert len(params) == len(arrays)
    assert (sum(p.data().size for p in params if p.grad_req != 'null') ==
            sum(p.numel() for p in theirs.parameters()))
    for param, array in zip(params, arrays):
        array.copy_(torch.tensor(param.data().asnumpy()).reshape(array.shape))
    for training in (False, True):  # training comes last, because it changes the statistics
        theirs.train(training)
        with autograd.record(train_mode=training):
            Y = ours(nd.array(X)).asnumpy()
        Y_torch = theirs(torch.tensor(X)).detach().numpy()
        np.testing.assert_allclose(Y, Y_torch, rtol=0, atol=1e-3 * np.abs(Y_torch).max())
