"""What the experiments compute, on small data or on none."""
import math

import numpy as np
import pytest
from conftest import smaller

from gluonblocks.training.hooks import NonFiniteLoss
from gluonblocks.training.loop import EpochRecord
from tools.experiments import (
    batch_size,
    bias,
    command,
    cost,
    depth,
    pooling,
    rates,
    sizes,
    variants,
)
from tools.experiments.common import Settings

QUICK = Settings(quick=True)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """As few images as the experiments take."""
    smaller(monkeypatch, num_train=48, num_test=16)


def trainings(losses):
    """A stand-in for `Settings` whose trainings end with the loss `losses(lr)`."""
    class Trainings:
        def pick(self, complete, quick):
            return complete

        def train(self, model, lr, epochs):
            if math.isnan(losses(lr)):
                raise NonFiniteLoss('the loss is not finite')
            return None, [EpochRecord(1, losses(lr), 0.5, 0.5, 1.0)] * epochs
    return Trainings()


@pytest.mark.parametrize('name', [name for name in command.NAMES if name != 'cost'])
def test_a_quick_run_prints_a_table_and_draws_its_chart(name, monkeypatch, capsys, tmp_path):
    for module, key, small in ((pooling, 'MODELS', ['lenet']), (pooling, 'SIDE', 28),
                               (depth, 'CASES', [('lenet_bn', 4, 28)]),
                               (variants, 'list_models', lambda group: ['lenet_bn_mean'])):
        monkeypatch.setattr(module, key, small)
    path = tmp_path / 'chart.svg'
    drawn = hasattr(command._experiment(name), 'draw')
    assert command.main([name, '--quick'] + drawn * ['--chart', str(path)]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) >= 2 and '  ' in out and 'training on' not in out
    if drawn:
        labels = {'warmup': 'variance from 1', 'depth': 'lenet_bn, batch 4'}
        assert labels.get(name, '>lenet_bn<') in path.read_text()


def test_a_bias_has_gradient_0_if_a_norm_follows_and_nowhere_else():
    rows = [row for row in bias.run(QUICK) if row.dtype == 'float64']
    assert [row.has_norm for row in rows] == [False] * 5 + [True] * 4 + [False]
    for row in rows:
        assert row.weight > 1e-5
        assert row.bias < 1e-12 if row.has_norm else row.bias > 1e-5


def test_the_rate_is_doubled_until_two_in_a_row_are_unstable_after_a_stable_one():
    rows = rates.run(trainings(lambda lr: 0.5 if 2 <= lr <= 4 else math.nan))
    assert [(row.lr, rates.stable(row)) for row in rows if row.model == 'lenet'] == [
        (1, False), (2, True), (4, True), (8, False), (16, False)]
    assert rates.report(rows).endswith('learning rate of lenet: 4\n'
                                       'largest stable learning rate of lenet_bn: 4')


def test_the_learning_rate_goes_with_the_batch_size(monkeypatch):
    monkeypatch.setattr(batch_size, '_train', lambda *args: None)
    rates_of = {(row.model, row.varied): row.lr for row in batch_size.run(Settings())}
    assert rates_of['lenet_bn', 256] == 1.0 and rates_of['lenet_bn', 64] == 0.25
    assert rates_of['lenet', 1] == 0.9 / 256 and len(rates_of) == 15


def test_outputs_and_concatenations_are_those_of_the_layers():
    floats = (2 * 6 * 24 ** 2 + 6 * 12 ** 2 + 2 * 16 * 8 ** 2 + 16 * 4 ** 2 + 2 * 120 + 2 * 84 + 10)
    assert cost.outputs('lenet', 28) == (pytest.approx(4 * floats / 2 ** 20), 0)
    # 32 channels more four times, from 64, 96, 160 and 224, on maps of 8, 4, 2 and 1 pixels.
    floats = sum((4 * first + 32 * 10) * side ** 2
                 for first, side in ((64, 8), (96, 4), (160, 2), (224, 1)))
    assert cost.outputs('densenet', 32)[1] == pytest.approx(4 * floats / 2 ** 20)


def test_the_cost_of_a_run_is_that_until_its_loss_was_low(monkeypatch, tmp_path):
    (tmp_path / 'results').mkdir()
    for model in cost.TRAINED:
        (tmp_path / 'results' / (model + '.txt')).write_text(''.join(
            'epoch %d, loss %.4f, train acc 0.800, test acc 0.700, time 1.0 sec\n' % epoch
            for epoch in ((1, 0.6), (2, 0.24), (3, 0.1))))
    monkeypatch.setattr(cost, 'ROOT', str(tmp_path))
    monkeypatch.setattr(cost, 'memory', lambda model, side: 1.5)
    found = cost.run(QUICK)
    resnet, _ = found[1]
    assert resnet[:6] == ('resnet', 28, 2, 0.24, 0.8, 0.7)
    # 50,779,392 for an image, as scripts/train.py --model resnet --summary prints.
    assert resnet.multiply_adds == 3 * 50779392 * 60000 * 2
    assert '50,779,392' in cost.report(found) and '1.50' in cost.report(found)
    assert sizes.run(QUICK) == [('resnet', 17451018, 217125888)]  # as its summary says


def test_the_walk_has_the_largest_value_of_each_layer():
    net = QUICK.new_net('lenet')
    X = next(iter(QUICK.loaders(8)[1]))[0]
    largest = depth.walk(net, X)
    assert len(largest) == len(net) and largest[-1] == np.abs(net(X).asnumpy()).max()
    assert 0.5 <= largest[1] <= 1  # behind the first sigmoid
