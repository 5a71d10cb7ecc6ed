"""A run's state through a file: what goes on afterwards is what would have gone on."""
import random

import mxnet as mx
import numpy as np
import pytest
from mxnet import init, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.runs.checkpoint import (
    checkpoint_arrays,
    encode_checkpoint,
    load_checkpoint,
    rank_state,
    restore_checkpoint,
)
from gluonblocks.runs.records import HistoryRow
from gluonblocks.training.hooks import Reseed, needs_reseeding
from gluonblocks.training.loop import Alone
from gluonblocks.training.optimizers import make_trainer

OPTIONS = {'optimizer': 'sgd', 'lr': 0.1, 'momentum': None, 'weight_decay': None,
           'dtype': 'float32'}
RNG = np.random.RandomState(3)
IMAGES = RNG.randint(0, 256, (20, 6, 6)).astype('uint8')
LABELS = RNG.randint(0, 3, 20).astype('int32')


def make(ctx, dropout=0, hybridize=True, **options):
    """A small net with both batch norms, and its trainer."""
    mx.random.seed(1)
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, kernel_size=3), nn.BatchNorm(), nn.Flatten(), nn.Dense(5),
            gb.BatchNorm(5, num_dims=2), nn.Activation('tanh'))
    if dropout:
        net.add(nn.Dropout(dropout))
    net.add(nn.Dense(3))
    net.initialize(init.Xavier(), ctx=ctx)
    if hybridize:
        net.hybridize(static_alloc=True)
    return net, make_trainer(net, ctx, dict(OPTIONS, **options))


def train(net, trainer, ctx, num_epochs, state, hooks=()):
    loader = gb.data.BatchLoader(IMAGES, LABELS, 8, seed=5)
    loader.start_at(len(state.history), state.batch)
    test_iter = gb.data.BatchLoader(IMAGES, LABELS, 8)
    history = gb.train_ch5(net, loader, test_iter, 8, trainer, ctx, num_epochs, hooks=hooks,
                           state=state)
    return [record[:4] for record in history]


class Saver(gb.Hook):
    """Saves after the step `at`; `drawn` are the numbers that come next."""

    def __init__(self, path, net, trainer, at):
        self.path, self.at, self.net, self.trainer = path, at, net, trainer

    def batch_end(self, state):
        if state.step == self.at:
            self.history = list(state.history)
            rows = [HistoryRow(*record[:4] + (0.1,)) for record in state.history]
            self.path.write_bytes(encode_checkpoint(
                self.net, self.trainer, state, rows, 'me', [rank_state(self.net, state, Alone())]))
            self.drawn = np.random.rand(), random.random()


def restored(path, net, trainer):
    return restore_checkpoint(*load_checkpoint(str(path), 'me'), net, trainer, Alone())


def all_bits(net, trainer):
    nd.waitall()
    arrays = [a for p in net._collect_params_with_prefix().values() for a in p.list_data()]
    return [a.asnumpy().tobytes() for a in arrays] + [trainer.optimizer.num_update]


def through_a_file(path, ctx, at, hooks=(), **how):
    """(history, bits) of three epochs undisturbed, and of a new net that goes on from step `at`."""
    net, trainer = make(ctx, **how)
    saver = Saver(path, net, trainer, at)
    whole = train(net, trainer, ctx, 3, gb.training.TrainingState(), list(hooks) + [saver])
    expected = whole, all_bits(net, trainer)

    net, trainer = make(ctx, **how)
    state = restored(path, net, trainer)
    assert (np.random.rand(), random.random()) == saver.drawn
    assert [record[:4] for record in state.history] == [record[:4] for record in saver.history]
    return expected, (train(net, trainer, ctx, 3, state, hooks), all_bits(net, trainer))


ALL = [(name, None) for name in gb.training.optimizers.OPTIMIZERS] + [('sgd', 0.9), ('nag', 0.9)]


@pytest.mark.parametrize('optimizer, momentum', ALL)
def test_every_optimizer_goes_on_bit_for_bit(tmp_path, optimizer, momentum):
    expected, again = through_a_file(tmp_path / 'x', mx.cpu(), at=4, optimizer=optimizer, lr=0.01,
                                     momentum=momentum, weight_decay=1e-3, hooks=[Reseed(0)])
    assert again == expected


def test_an_optimizers_noise_does_not_depend_on_how_many_blocks_were_made_before():
    bits = []
    for made_before in (0, 9):  # then the norms are batchnorm0 and 1, or batchnorm9 and 10
        with mx.name.NameManager():
            for _ in range(made_before):
                nn.BatchNorm()
            net, trainer = make(mx.cpu(), optimizer='sgld', lr=0.01)
        train(net, trainer, mx.cpu(), 1, gb.training.TrainingState(), [Reseed(0)])
        bits.append(all_bits(net, trainer))
    assert bits[0] == bits[1]


@pytest.mark.parametrize('at, how', [
    (1, {}), (3, {'hybridize': False}), (6, {}),
    (4, {'hooks': [Reseed(0)], 'dropout': 0.5})])  # each step is seeded
def test_from_any_step_also_the_last_of_an_epoch(tmp_path, at, how):
    expected, again = through_a_file(tmp_path / 'x', mx.cpu(), at, momentum=0.9, **how)
    assert again == expected


def test_devices_keep_statistics_of_their_own(tmp_path):
    devices = [mx.cpu(0), mx.cpu(1)]
    expected, again = through_a_file(tmp_path / 'x', devices, 4, optimizer='adam', lr=0.01)
    assert again == expected
    tensors, _ = load_checkpoint(str(tmp_path / 'x'))
    first, second = [tensors['weights/cpu(%d)/1.running_mean' % i] for i in (0, 1)]
    assert (first != second).any()
    np.testing.assert_array_equal(checkpoint_arrays(tensors)['1.running_mean'],
                                  (first + second) / np.float32(2))


def test_a_net_with_dropout_is_seen_to_draw_and_one_that_cannot_be_traced_is_taken_to():
    assert needs_reseeding(make(mx.cpu(), dropout=0.5)[0])
    assert not needs_reseeding(make(mx.cpu())[0])
    net = nn.Sequential()
    net.add(nn.Lambda(lambda X: nd.relu(X)))
    assert needs_reseeding(net)


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp('saved') / 'x'
    net, trainer = make(mx.cpu(), momentum=0.9)
    train(net, trainer, mx.cpu(), 1, gb.training.TrainingState(), [Saver(path, net, trainer, 3)])
    return path


BETA = 'weights/cpu(0)/1.beta'


@pytest.mark.parametrize('changes, how, said', [
    ({}, {'ctx': [mx.cpu(0), mx.cpu(1)]},
     r'checkpoint .* the net: only one of them contains .*cpu\([01]\)'),
    ({}, {'optimizer': 'adam'},
     r'the checkpoint .* the net: only one of them contains optimizer/cpu\(0\)/0.bias/1'),
    ({BETA: np.zeros(3, 'float32')}, {}, r'1.beta of shape \(4,\), found \(3,\)'),
    ({BETA: np.zeros(4, 'int32')}, {}, '1.beta of type int32 and shape'),
    ({BETA: np.zeros(4, 'float64')}, {}, '1.beta to be float32 .*, found float64'),
    ({'weights/cpu(0)/9.beta': np.zeros(4, 'float32')}, {},
     'the weights .* the net: only one of them contains 9.beta'),
    ({'optimizer/cpu(0)/3.bias/0': np.zeros(4, 'float32')}, {},
     r'3.bias/0 to be float32 \(5,\), found float32 \(4,\)')])
def test_names_shapes_and_types_are_compared_with_the_net(saved, changes, how, said):
    net, trainer = make(**dict({'ctx': mx.cpu()}, **(how or {'momentum': 0.9})))
    net(nd.zeros((1, 1, 6, 6)))  # which gives every parameter its shape
    tensors, info = load_checkpoint(str(saved))
    with pytest.raises(ValueError, match=said):
        restore_checkpoint(dict(tensors, **changes), info, net, trainer, Alone())


def test_another_number_of_workers_continues_with_the_sums_of_all_ranks(saved):
    tensors, info = load_checkpoint(str(saved))
    sums = []
    for num_saved, rank, world_size in ((1, 0, 1), (3, 0, 2), (3, 1, 2)):
        tensors.update(('rank/%d' % k, tensors['rank/0']) for k in range(num_saved))
        net, trainer = make(mx.cpu(), momentum=0.9)
        net(nd.zeros((1, 1, 6, 6)))
        workers = Alone()
        workers.rank, workers.world_size = rank, world_size
        state = restore_checkpoint(tensors, info, net, trainer, workers)
        sums.append([state.images, state.losses.total, state.hits.total])
    assert sums[0][0] == 20 and sums[1:] == [[3 * value for value in sums[0]], [0, 0, 0]]


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    net, trainer = make(mx.cpu())
    state = gb.training.TrainingState()
    train(net, trainer, mx.cpu(), 1, state)
    net[3].bias.set_data(nd.array([1, 2, float('inf'), 4, 5]))
    with pytest.raises(gb.training.NonFiniteLoss, match='3.bias is not finite after epoch 1, '):
        encode_checkpoint(net, trainer, state, [], 'me', [])
