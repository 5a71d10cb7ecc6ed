"""What the experiments compute, on small data or on none."""
import math

import numpy as np
import pytest

from experiments import (
    batch_size,
    bias,
    command,
    cost,
    depth,
    memory,
    pooling,
    rates,
    settings,
    sizes,
)
from experiments.settings import Settings
from gluonblocks.training.hooks import NonFiniteLoss
from gluonblocks.training.loop import EpochRecord

QUICK = Settings(quick=True)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """As few images as the experiments take."""
    monkeypatch.setattr(settings, 'QUICK', 64)


class Trainings:
    """In the place of `Settings`: trainings that come to a loss by a rule, and are noted."""

    def __init__(self, loss, **picks):
        self.loss, self.asked = loss, []

    def pick(self, whole, quick):
        return whole

    def train(self, model, *args, **options):
        self.asked.append(dict(options, model=model))
        loss = self.loss(model, options['lr'])
        if math.isnan(loss):
            raise NonFiniteLoss('the loss is not finite')
        return None, [EpochRecord(1, loss, 0.5, 0.5, 1.0)]


@pytest.mark.parametrize('name', [name for name in command.NAMES if name != 'cost'])
def test_a_quick_run_prints_a_table(name, monkeypatch, capsys):
    monkeypatch.setattr(pooling, 'SIDE', 29)  # the smallest that a DenseNet takes
    assert command.main(command.parse([name, '--quick'], 'x')) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) >= 2 and '  ' in out
    assert 'training on' not in out


def test_a_bias_has_gradient_0_where_a_norm_follows_and_nowhere_else():
    rows = [row for row in bias.run(QUICK) if row.dtype == 'float64']
    assert [row.has_norm for row in rows] == [False] * 5 + [True] * 4 + [False]
    for row in rows:
        assert row.weight > 1e-5
        assert row.bias < 1e-12 if row.has_norm else row.bias > 1e-5


def test_the_rate_is_doubled_until_two_in_a_row_are_unstable_after_a_stable_one():
    trainings = Trainings(lambda model, lr: 0.5 if 2 <= lr <= 4 else 2.3)
    rows = rates.run(trainings)
    assert [(row.lr, row.stable) for row in rows if row.model == 'lenet'] == [
        (1, False), (2, True), (4, True), (8, False), (16, False)]
    assert rates.report(rows).endswith('learning rate of lenet: 4\n'
                                       'largest stable learning rate of lenet_bn: 4')


def test_a_loss_that_is_no_number_is_unstable():
    rows = rates.run(Trainings(lambda model, lr: 0.5 if lr < 2 else math.nan))
    assert [row.stable for row in rows] == [True, False, False] * 2
    assert math.isnan(rows[1].losses[0])


def test_the_learning_rate_goes_with_the_batch_size(monkeypatch):
    monkeypatch.setattr(batch_size, '_train', lambda *a: EpochRecord(1, 1.0, 0.5, 0.5, 1.0))
    rates_of = {(row.model, row.size): row.lr for row in batch_size.run(Settings())}
    assert rates_of['lenet_bn', 256] == 1.0 and rates_of['lenet_bn', 64] == 0.25
    assert rates_of['lenet', 1] == 0.9 / 256 and len(rates_of) == 15


def test_the_outputs_of_lenet_are_those_of_its_layers():
    floats = (2 * 6 * 24 ** 2 + 6 * 12 ** 2 + 2 * 16 * 8 ** 2 + 16 * 4 ** 2 + 2 * 120 + 2 * 84 + 10)
    assert cost.outputs('lenet', 28) == (pytest.approx(4 * floats / 2 ** 20), 0)


def test_the_concatenations_of_densenet_are_those_of_its_blocks():
    # 32 channels more four times, from 64, 96, 160 and 224, on maps of 8, 4, 2 and 1 pixels.
    floats = sum((4 * first + 32 * 10) * side ** 2
                 for first, side in ((64, 8), (96, 4), (160, 2), (224, 1)))
    assert cost.outputs('densenet', 32)[1] == pytest.approx(4 * floats / 2 ** 20)


def test_the_accuracies_are_read_from_the_runs(monkeypatch, tmp_path):
    (tmp_path / 'results').mkdir()
    for model in cost.TRAINED:
        (tmp_path / 'results' / (model + '.txt')).write_text(''.join(
            'epoch %d, loss %.4f, train acc 0.800, test acc 0.700, time 1.0 sec\n' % epoch
            for epoch in ((1, 0.6), (2, 0.24), (3, 0.1))))
    monkeypatch.setattr(cost, 'ROOT', str(tmp_path))
    monkeypatch.setattr(cost, 'measure', lambda model, side: 1.5)
    found = cost.run(QUICK)
    resnet, _ = found[1]
    assert resnet[:6] == ('resnet', 28, 2, 0.24, 0.8, 0.7)
    # 50,779,392 for an image, as scripts/train.py --model resnet --summary prints.
    assert resnet.multiply_adds == 3 * 50779392 * 60000 * 2
    assert '50,779,392' in cost.report(found) and '1.50' in cost.report(found)


def test_the_size_of_the_books_resnet_is_what_its_summary_says():
    assert sizes.run(QUICK) == [('resnet', 17451018, 217125888)]


def test_an_image_more_takes_memory():
    assert 0 < memory.measure('lenet_bn', 28, few=1, many=257) < 2  # MiB


def test_a_process_that_fails_is_an_error_that_says_of_what_net(monkeypatch):
    monkeypatch.setattr(memory.sys, 'executable', '/bin/false')
    with pytest.raises(OSError, match='memory of resnet at 28 x 28 could not be measured'):
        memory.measure('resnet', 28)


def test_the_walk_has_the_largest_number_of_each_layer():
    net = QUICK.new_net('lenet')
    X = next(iter(QUICK.loaders(8)[1]))[0]
    largest = depth.walk(net, X)
    assert len(largest) == len(net) and largest[-1] == np.abs(net(X).asnumpy()).max()
    assert 0.5 <= largest[1] <= 1  # behind the first sigmoid
