"""What workers make of each other's numbers, without processes."""
import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn

from gluonblocks.distributed.statistics import set_statistics, statistics_bytes
from gluonblocks.distributed.trainer import SumTrainer
from gluonblocks.distributed.workers import AHEAD, Workers, WorkersDiffer
from gluonblocks.training import Interrupted


class Launcher:
    """The launcher's side of a `Member`: notes what it is told."""

    stop_asked = False

    def __init__(self):
        self.marks = []

    def wait_for(self, kind):
        return {'job': None, 'rank': 0, 'num_workers': 3, 'number': 4}

    def mark(self, phase, step):
        self.marks.append((phase, step))


class Exchange:
    """Gives, for what this worker says, what it and the others said by `others(content)`."""

    def __init__(self, others=lambda content: [content, content], word=0):
        self.others, self.word, self.words = others, word, []

    def gather(self, content):
        return [content] + self.others(content)

    def sum_gradients(self, gradients, mean, word):
        self.words.append(word)
        return nd.array([self.word + word])


def workers_with(exchange):
    workers = Workers(Launcher())
    workers.exchange = exchange
    return workers


def norm_net(mean=0.0):
    net = nn.HybridSequential()
    net.add(nn.BatchNorm(in_channels=2))
    net.initialize()
    net[0].running_mean.set_data(nd.full((2,), mean))
    return net


def row(num_images, mean):
    return np.float64(num_images).tobytes() + statistics_bytes(norm_net(mean))


def test_statistics_come_back_as_they_were():
    net = norm_net(3.0)
    other = norm_net()
    set_statistics(other, statistics_bytes(net))
    assert (other[0].running_mean.data().asnumpy() == 3).all()
    assert (other[0].running_var.data().asnumpy() == 1).all()


@pytest.mark.parametrize('how, expected', [('mean', (2 * 1 + 1 * 4) / 3), ('first', 1.0)])
def test_moving_averages_are_merged_by_the_number_of_images(how, expected):
    workers = workers_with(Exchange())
    workers.merge_norms = how
    net = norm_net()
    set_statistics(net, workers.merged([row(2, 1.0), row(1, 4.0), row(0, 9.0)]))
    np.testing.assert_allclose(net[0].running_mean.data().asnumpy(), expected, rtol=1e-6)


def test_weights_that_are_not_the_same_are_told_with_whose_they_are():
    workers = workers_with(Exchange(lambda content: (
        [content, b'another'] if len(content) == 32 else [content, content])))
    workers.step = 7
    with pytest.raises(WorkersDiffer, match='^after step 7 the weights of worker 2 are not those'):
        workers.meet(norm_net(), 5)
    workers_with(Exchange()).meet(norm_net(), 5)


def test_sums_are_in_double_precision_and_in_the_workers_order():
    one = np.array([1.0]).tobytes()
    workers = workers_with(Exchange(lambda content: [np.array([2.0 ** -60]).tobytes(), one]))
    assert workers.total(2.0 ** 53) == ((2.0 ** 53 + 2.0 ** -60) + 1.0,)


def test_devices_are_dealt_to_the_workers_of_a_machine():
    workers = workers_with(Exchange())  # number 4 of its machine
    assert workers.devices(['gpu 0', 'gpu 1', 'gpu 2']) == ['gpu 1']


def test_gradients_alone_are_summed_and_statistics_are_not():
    net, summed = norm_net(), []
    trainer = SumTrainer(net.collect_params(), 'sgd', sum_gradients=lambda gradients, mean: (
        summed.append((len(gradients), mean))))
    with autograd.record():
        loss = net(nd.ones((4, 2))).sum()
    loss.backward()
    trainer.step(4)
    assert summed == [(2, 1 / 4)]  # gamma and beta


def test_a_step_is_a_sign_of_life():
    workers = workers_with(Exchange())
    workers._sum_gradients([], 1.0)
    assert workers.member.marks[-1] == ('training', 1)


def test_each_batch_is_a_sign_of_life():
    workers = workers_with(Exchange())
    with workers.interrupt() as interrupt:
        for n, _ in enumerate(interrupt.guard(['a batch'] * 3)):
            assert workers.member.marks.count(('training', 0)) == n + 1


def test_what_follows_the_meeting_may_take_longer_than_a_step():
    workers = workers_with(Exchange())
    workers.meet(norm_net(), 5)
    assert workers.member.marks[-1][0] == 'busy'


@pytest.mark.parametrize('asked_here', [False, True])
def test_one_that_is_asked_to_stop_tells_all_and_each_stops_after_the_same_step(asked_here):
    workers = workers_with(Exchange(word=0 if asked_here else 1))
    with pytest.raises(Interrupted) as stop, workers.interrupt() as interrupt:
        workers.member.stop_asked = asked_here
        for _ in interrupt.guard(range(100)):
            workers._sum_gradients([], 1.0)
    assert stop.value.between_batches
    assert workers.exchange.words == [int(asked_here)] * (AHEAD + 1)
