"""The papers' ResNets and DenseNets: parameters, and the nets that GluonCV has."""
import functools
import json

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.models.papers import paper_densenet, paper_resnet

# Trainable parameters with 3 channels and 1000 classes: those of PyTorch's nets of these names, and
# of the variants, which have as many. Of densenet264, which PyTorch lacks, by the paper's table.
PARAMETERS = {
    'paper_resnet18': 11689512, 'paper_resnet34': 21797672, 'paper_resnet50': 25557032,
    'paper_resnet50_v1b': 25557032, 'paper_resnet101': 44549160, 'paper_resnet152': 60192808,
    'densenet121': 7978856, 'densenet121_maxpool': 7978856, 'densenet161': 28681000,
    'densenet169': 14149480, 'densenet201': 20013928, 'densenet264': 33337704,
    # Projections to 128, 256 and 512 channels lose gamma and beta each. The last norm of 512 is
    # new, and a unit's first norm has its input's channels, its last had its output's: 64 before
    # 64, 64 before 128, 128 before 256, 256 before 512, so 512 - 64 fewer.
    'paper_resnet18_v2': 11689512 + 2 * (-(128 + 256 + 512) + 512 - (512 - 64))}


@pytest.mark.parametrize('name', PARAMETERS)
def test_a_papers_net_has_its_number_of_trainable_parameters(name):
    # From the shapes in its graph: nothing is computed.
    graph = gb.get_model(name, num_classes=1000)(mx.sym.var('data'))
    shapes, _, _ = graph.infer_shape(data=(1, 3, 32, 32))
    assert sum(int(np.prod(shape)) for arg, shape in zip(graph.list_arguments(), shapes)
               if arg != 'data') == PARAMETERS[name]


@pytest.mark.parametrize('name, kind', [('densenet121', 'avg'), ('densenet121_maxpool', 'max')])
def test_the_three_transitions_pool_as_the_name_says(name, kind):
    nodes = json.loads(gb.get_model(name)(mx.sym.var('data')).tojson())['nodes']
    pools = [node['attrs']['pool_type'] for node in nodes if node['op'] == 'Pooling']
    assert pools == ['max', kind, kind, kind, 'avg']  # the stem's first, the head's last


@pytest.mark.parametrize('name, strides', [
    ('paper_resnet50', ['1x1'] * 3), ('paper_resnet50_v1b', ['3x3'] * 3),
    ('paper_resnet50_v2', ['1x1'] * 3)])
def test_three_bottlenecks_have_their_strides_where_the_name_says(name, strides):
    net = gb.get_model(name)
    convs = [layer for unit in net for layer in getattr(unit, 'body', [])
             if isinstance(layer, nn.Conv2D)]
    assert ['%dx%d' % conv._kwargs['kernel'] for conv in convs
            if conv._kwargs['stride'] == (2, 2)] == strides


@pytest.mark.parametrize('make, said', [
    (lambda: paper_resnet(50, stride_on=3), "stride_on must be '1x1' or '3x3', got 3"),
    (lambda: paper_densenet(121, pooling='min'), "pooling must be 'avg' or 'max', got 'min'")])
def test_what_the_papers_do_not_have_is_refused_with_what_they_have(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def randomized(net, X):
    """`net` with weights and statistics that differ from layer to layer."""
    net.initialize(mx.init.Xavier())
    net(X)
    rng = np.random.RandomState(0)
    for name, param in net.collect_params().items():
        if name.endswith(('gamma', 'running_var')):
            param.set_data(nd.array(rng.uniform(0.7, 1.3, param.shape)))
        elif name.endswith(('beta', 'running_mean')):
            param.set_data(nd.array(rng.uniform(-0.2, 0.2, param.shape)))
    return net


# DenseNet's last pooling in GluonCV is for images of 224.
@pytest.mark.gluoncv
@pytest.mark.parametrize('theirs, make, side', [
    ('resnet18_v1', functools.partial(paper_resnet, 18), 32),
    ('resnet50_v1b', functools.partial(paper_resnet, 50, stride_on='3x3'), 32),
    ('resnet50_v2', functools.partial(paper_resnet, 50, stride_on='3x3', pre_activation=True), 32),
    ('densenet121', functools.partial(paper_densenet, 121), 224)])
def test_a_papers_net_computes_what_gluoncvs_does_with_its_weights(theirs, make, side):
    X = nd.array(np.random.RandomState(1).uniform(-1, 1, (1, 3, side, side)))
    reference, net = gb.get_model('gluoncv:' + theirs), make()
    randomized(reference, X)
    net.initialize()
    net(X)
    source = list(reference.collect_params().values())
    expected = reference(X)
    if theirs.endswith('v2'):  # it normalizes the images first, by parameters that are not trained
        gamma, beta, mean, var = [param.data().reshape((1, 3, 1, 1)) for param in source[:4]]
        source, X = source[4:], (X - mean) / nd.sqrt(var + 1e-5) + beta
    ours = list(net.collect_params().values())
    assert [param.shape for param in source] == [param.shape for param in ours]
    for param, other in zip(ours, source):
        param.set_data(other.data())
    np.testing.assert_allclose(net(X).asnumpy(), expected.asnumpy(), rtol=1e-3, atol=1e-4)
