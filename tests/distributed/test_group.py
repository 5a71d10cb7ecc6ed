"""What a rank makes of the other ranks' values, without processes."""
import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn

from gluonblocks.distributed.group import (
    ProcessGroup,
    WorkersDiffer,
    merge_statistics,
    read_statistics,
)
from gluonblocks.training import Interrupted


class Launcher:
    """The launcher's side of a `Member`: notes what it is told."""

    stop_requested, step = False, 0

    def __init__(self):
        self.marks = []

    def wait_for(self, kind):
        return {'job': None, 'rank': 0, 'world_size': 3, 'local_rank': 4, 'address': ''}

    def set_mark(self, phase, step=None):
        self.step = self.step if step is None else step
        self.marks.append((phase, self.step))


class Collectives:
    """Gives, for what this rank says, what it and the others said by `others(content)`."""

    def __init__(self, others, flag):
        self.others, self.flag, self.flags = others, flag, []

    def all_gather(self, content):
        return [content] + self.others(content)

    def all_reduce(self, gradients, flag):
        self.flags.append(flag)
        return self.flag + flag


def make_group(others=lambda content: [content, content], flag=0):
    group = ProcessGroup(Launcher())
    group.collectives = Collectives(others, flag)
    return group


def norm_net(mean=0.0):
    net = nn.HybridSequential()
    net.add(nn.BatchNorm(in_channels=2))
    net.initialize()
    net[0].running_mean.set_data(nd.full((2,), mean))
    return net


def test_running_statistics_are_averaged_by_the_number_of_images():
    images = {1.0: 2, 4.0: 1, 9.0: 0}  # of a rank with this running mean
    others = [np.append(float(images[mean]), read_statistics(norm_net(mean))).tobytes()
              for mean in (4.0, 9.0)]
    net = norm_net(1.0)
    make_group(lambda content: others if len(content) > 32 else [content, content]).synchronize(
        net, images[1.0])
    np.testing.assert_allclose(net[0].running_mean.data().asnumpy(), (2 * 1 + 1 * 4) / 3, rtol=1e-6)
    np.testing.assert_allclose(net[0].running_var.data().asnumpy(), 1)
    assert merge_statistics([[5.0], [7.0]], [0, 0]).tolist() == [5.0]  # no image yet


def test_weights_that_differ_are_reported_with_their_rank():
    group = make_group(lambda content: (
        [content, b'another'] if len(content) == 32 else [content, content]))
    group.member.step = 7
    with pytest.raises(WorkersDiffer,
                       match='^after step 7, the weights of worker 2 differ from those of wor'):
        group.synchronize(norm_net(), 5)


def test_sums_are_in_double_precision_and_in_the_order_of_ranks():
    one = np.array([1.0]).tobytes()
    group = make_group(lambda content: [np.array([2.0 ** -60]).tobytes(), one])
    assert group.all_reduce(2.0 ** 53) == ((2.0 ** 53 + 2.0 ** -60) + 1.0,)


def test_gradients_alone_are_summed_and_statistics_are_not():
    net, group, summed = norm_net(), make_group(), []
    group.all_reduce_gradients = lambda *how: summed.append(len(how[0]))
    trainer = group.trainer(net.collect_params(), 'sgd')
    with autograd.record():
        loss = net(nd.ones((4, 2))).sum()
    loss.backward()
    trainer.step(4)
    assert summed == [2]  # gamma and beta


def test_steps_and_batches_are_progress_and_evaluating_may_take_longer():
    group = make_group()
    with group.interrupt() as interrupt:
        for n, _ in enumerate(interrupt.guard(['a batch'] * 3)):
            assert group.member.marks[-1] == ('training', n)
            group.all_reduce_gradients([])
            assert group.member.marks[-1] == ('training', n + 1)
    group.synchronize(norm_net(), 5)
    assert group.member.marks[-1][0] == 'busy'


@pytest.mark.parametrize('asked_here', [False, True])
def test_one_that_is_asked_to_stop_tells_all_and_each_stops_after_the_same_step(asked_here):
    group = make_group(flag=0 if asked_here else 1)
    with pytest.raises(Interrupted) as stop, group.interrupt() as interrupt:
        group.member.stop_requested = asked_here
        for _ in interrupt.guard(range(100)):
            group.all_reduce_gradients([])
    assert stop.value.between_batches
    assert group.collectives.flags == [int(asked_here)]
