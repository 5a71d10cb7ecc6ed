"""The papers' nets beside torchvision's of the same weights. Where that is installed."""
import functools

import numpy as np
import pytest
from mxnet import nd

from gluonblocks.models.densenet_paper import paper_densenet
from gluonblocks.models.resnet_paper import paper_resnet

torch = pytest.importorskip('torch', reason='PyTorch is not installed (the extra `torch`)')
models = pytest.importorskip('torchvision.models', reason='torchvision is not installed')


def randomized(net):
    """`net`, predicting, with norms whose numbers differ from channel to channel."""
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.7, 1.3)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.7, 1.3)
    return net.eval()


CASES = [('resnet%d' % depth, functools.partial(paper_resnet, depth, stride_on='3x3'))
         for depth in (18, 34, 50, 101, 152)]
CASES += [('densenet%d' % depth, functools.partial(paper_densenet, depth))
          for depth in (121, 161, 169, 201)]


@pytest.mark.parametrize('theirs, make', CASES, ids=[case[0] for case in CASES])
def test_a_papers_net_computes_what_torchvisions_does_with_its_weights(theirs, make):
    torch.manual_seed(0)
    reference = randomized(getattr(models, theirs)(weights=None, num_classes=10))
    X = np.random.RandomState(1).uniform(-1, 1, (2, 3, 64, 64)).astype('float32')
    net = make()
    net.initialize()
    net(nd.array(X))
    ours = list(net.collect_params().values())
    source = [value for name, value in reference.state_dict().items()
              if not name.endswith('num_batches_tracked')]
    assert [param.shape for param in ours] == [tuple(value.shape) for value in source]
    for param, value in zip(ours, source):
        param.set_data(nd.array(value.numpy()))
    with torch.no_grad():
        expected = reference(torch.tensor(X)).numpy()
    np.testing.assert_allclose(net(nd.array(X)).asnumpy(), expected, rtol=1e-3, atol=1e-4)
