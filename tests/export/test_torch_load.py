"""A PyTorch state dict into a Gluon net; PyTorch itself is not needed for these."""
import sys
import types

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd
from mxnet.gluon import nn
from safetensors import numpy as safetensors
from torch_nets import arrays_of, described, small_net, trained

import gluonblocks as gb
from gluonblocks.export.torch.write import torch_arrays

SHAPE = (1, 8, 8)


def write(arrays, path, **changes):
    """A .safetensors file of `arrays`, some of them changed, or, where None, left out."""
    arrays = dict(arrays, **{name.replace('__', '.'): array for name, array in changes.items()})
    path.write_bytes(safetensors.save({name: np.ascontiguousarray(array)
                                       for name, array in arrays.items() if array is not None}))
    return str(path)


def state_dict(net):
    return torch_arrays(described(net, SHAPE))


@pytest.mark.parametrize('start', ['new', 'initialized', 'deferred', 'hybridized'])
def test_exported_weights_come_back_bit_for_bit(start, tmp_path):
    net = trained(small_net(), SHAPE)
    file = write(state_dict(net), tmp_path / 'w.safetensors')
    back = small_net()
    if start != 'new':
        back.initialize()
    if start == 'deferred':
        back(mx.sym.var('data'))
    if start == 'hybridized':
        back.hybridize()
        back(nd.ones((2,) + SHAPE))
    gb.load_torch(back, file)
    ours, theirs = arrays_of(net), arrays_of(back)
    assert set(ours) == set(theirs)
    for name in ours:
        assert ours[name].tobytes() == theirs[name].tobytes(), name
    X = nd.random.uniform(shape=(3,) + SHAPE)
    np.testing.assert_array_equal(net(X).asnumpy(), back(X).asnumpy())


def test_names_of_a_data_parallel_net_in_half_precision_are_known(tmp_path):
    net = trained(small_net(), SHAPE)
    back = small_net()
    gb.load_torch(back, write({'module.' + name: array.astype('float16')
                               for name, array in state_dict(net).items()},
                              tmp_path / 'w.safetensors'))
    np.testing.assert_array_equal(back[0].weight.data().asnumpy(),
                                  net[0].weight.data().asnumpy().astype('float16'))


def wrong(shape=None, value=None):
    array = np.zeros(shape or (4,), 'float32')
    array[...] = 0 if value is None else value
    return array


@pytest.mark.parametrize('changes, message', [
    ({'conv1__weight': wrong((4, 1, 5, 5))},
     r'shape \(4, 1, 3, 3\) for .*conv0_weight of .* found conv1.weight of shape \(4, 1, 5, 5\)'),
    ({'fc2__bias': None}, 'fc2.bias exists only in the net; .* of the net has bias and weight'),
    ({'extra__weight': wrong((2, 2))}, 'expected 2 layers of the kind linear layer, found 3'),
    ({'extra__gain': wrong()}, r'kinds of layers: conv.*; found extra with gain of shape \(4,'),
    ({'bn1__bias': wrong(value=np.nan)}, 'but bn1.bias contains NaN or infinity'),
    ({'bn1__bias': np.zeros(4, 'int64')}, r'floating-.*, but bn1.bias is int64 of shape \(4,\)')])
def test_a_file_of_another_net_is_refused_by_tensor_and_the_net_stays(changes, message, tmp_path):
    net = trained(small_net(), SHAPE)
    before = arrays_of(net)
    file = write(state_dict(net), tmp_path / 'w.safetensors', **changes)
    with pytest.raises(ValueError, match=message):
        gb.load_torch(net, file)
    after = arrays_of(net)
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)
    back = small_net()
    with pytest.raises(ValueError):
        gb.load_torch(back, file)
    with pytest.raises(RuntimeError, match='not been initialized'):
        back[0].weight.data()


def test_a_gamma_that_the_net_fixes_at_one_has_to_be_one(tmp_path):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), nn.BatchNorm(scale=False))
    trained(net, SHAPE)
    arrays = state_dict(net)
    assert (arrays['bn1.weight'] == 1).all()
    gb.load_torch(net, write(arrays, tmp_path / 'w.safetensors'))
    file = write(arrays, tmp_path / 'w.safetensors', bn1__weight=wrong(value=2))
    with pytest.raises(ValueError, match='all values of bn1.weight to be 1, .* has scale=False'):
        gb.load_torch(net, file)


def test_two_ways_to_match_are_an_error_and_no_guess(tmp_path):
    # Two identical branches, registered in a different order from the one they run in.
    class Branches(nn.HybridBlock):
        def __init__(self):
            super().__init__()
            self.second, self.first = nn.Conv2D(2, 1), nn.Conv2D(2, 1)

        def hybrid_forward(self, F, X):
            return F.Concat(self.first(X), self.second(X))
    net = trained(Branches(), SHAPE)
    arrays = state_dict(net)
    file = write({name.replace('conv', 'layer'): array
                  for name, array in arrays.items()}, tmp_path / 'w.safetensors')
    with pytest.raises(ValueError, match='in several orders: .* could be .*layer.* or .*layer.*'):
        gb.load_torch(net, file)


@pytest.mark.parametrize('name, content, message', [
    ('w.npz', b'', r"a file name ending in .safetensors, .pt or .pth, got '.npz'"),
    ('w.safetensors', b'nonsense', 'expected a .safetensors file')])
def test_another_kind_of_file_is_refused(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        gb.load_torch(small_net(), tmp_path / name)


def test_a_pytorch_that_may_run_a_files_code_is_not_asked_to_read_it(tmp_path, monkeypatch):
    torch = types.ModuleType('torch')
    torch.__version__ = '2.5.1+cpu'
    monkeypatch.setitem(sys.modules, 'torch', torch)
    with pytest.raises(ValueError, match=r'PyTorch 2.5.1\+cpu may run code .*install 2.6 or l'):
        gb.load_torch(small_net(), tmp_path / 'w.pt')
