"""scripts/experiments.py: its arguments, what it computes, and where its tables are."""
import math
import os

import numpy as np
import pytest
from conftest import REPOSITORY, smaller
from mxnet import autograd, nd
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.training.hooks import NonFiniteLoss
from gluonblocks.training.loop import EpochRecord
from tools.experiments import batch_size, bias, command, cost, pooling, rates, variants, warmup
from tools.experiments.common import Settings

QUICK = Settings(quick=True)
IMAGES = nd.array(np.random.RandomState(0).uniform(1, 3, (16, 2, 4, 4)))
MEAN, VAR = (getattr(IMAGES.asnumpy(), name)(axis=(0, 2, 3)) for name in ('mean', 'var'))


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """As few images as the experiments take."""
    smaller(monkeypatch, num_train=48, num_test=16)


class Trainings:
    """Stands in for `Settings`: trainings end with the loss `losses(lr)`."""

    def __init__(self, losses):
        self.losses = losses

    def pick(self, complete, quick):
        return complete

    def train(self, model, lr, epochs, batch_size=None):
        if math.isnan(self.losses(lr)):
            raise NonFiniteLoss('the loss is not finite')
        return None, [EpochRecord(1, self.losses(lr), 0.5, 0.5, 1.0)] * epochs


@pytest.mark.parametrize('name', [name for name in command.NAMES if name not in ('cost', 'bias')])
def test_a_quick_run_prints_a_table_and_draws_its_chart(name, monkeypatch, capsys, tmp_path):
    for module, key, small in ((pooling, 'MODELS', ['lenet']), (pooling, 'SIDE', 28),
                               (variants, 'list_models', lambda group: ['lenet_bn_mean'])):
        monkeypatch.setattr(module, key, small)
    path = tmp_path / 'chart.svg'
    drawn = hasattr(command._experiment(name), 'panels')
    assert command.main([name, '--quick'] + drawn * ['--chart', str(path)]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) >= 2 and '  ' in out and 'training on' not in out
    assert not drawn or {'warmup': 'variance from 1'}.get(name, '>lenet_bn<') in path.read_text()


def test_a_bias_has_gradient_0_if_a_norm_follows_and_nowhere_else():
    rows = [row[3:] for row in bias.run(QUICK) if row[0] == 'float64']
    assert [has_norm for has_norm, *_ in rows] == [False] * 5 + [True] * 4 + [False]
    for has_norm, weight, bias_gradient in rows:
        assert weight > 1e-5
        assert bias_gradient < 1e-12 if has_norm else bias_gradient > 1e-5


def test_the_rate_is_doubled_until_two_in_a_row_are_unstable_after_a_stable_one():
    rows = rates.run(Trainings(lambda lr: 0.5 if 2 <= lr <= 4 else math.nan))
    assert [(row.lr, rates.stable(row)) for row in rows if row.model == 'lenet'] == [
        (1, False), (2, True), (4, True), (8, False), (16, False)]
    assert rates.report(rows).endswith('learning rate of lenet: 4\n'
                                       'largest stable learning rate of lenet_bn: 4')


def test_the_learning_rate_goes_with_the_batch_size():
    rates_of = {(row.model, row.varied): row.lr for row in batch_size.run(Trainings(float))}
    assert rates_of['lenet_bn', 256] == 1.0 and rates_of['lenet_bn', 64] == 0.25
    assert rates_of['lenet', 1] == 0.9 / 256 and len(rates_of) == 15


def test_outputs_and_concatenations_are_those_of_the_layers(monkeypatch):
    floats = (2 * 6 * 24 ** 2 + 6 * 12 ** 2 + 2 * 16 * 8 ** 2 + 16 * 4 ** 2 + 2 * 120 + 2 * 84 + 10)
    assert cost.outputs('lenet', 28) == (pytest.approx(4 * floats / 2 ** 20), 0)
    # 32 channels more four times, from 64, 96, 160 and 224, on maps of 8, 4, 2 and 1 pixels.
    floats = sum((4 * first + 32 * 10) * side ** 2
                 for first, side in ((64, 8), (96, 4), (160, 2), (224, 1)))
    assert cost.outputs('densenet', 32)[1] == pytest.approx(4 * floats / 2 ** 20)
    monkeypatch.setattr(cost, 'memory', lambda model, side: 1.5)
    # 50,779,392 for an image, as scripts/train.py --model resnet --summary prints.
    text = cost.report(cost.run(QUICK))
    assert '50,779,392' in text and '1.50' in text


@pytest.mark.parametrize('norm', [lambda: gb.BatchNorm(2, 4), nn.BatchNorm])
def test_averages_without_their_start_or_measured_again_are_the_statistics_of_the_batch(norm):
    net = nn.HybridSequential()
    net.add(norm(), nn.Dense(3))
    net.initialize()
    net(IMAGES)
    warmup.replace(net[0], *[0 * p.data() for p in (net[0].running_mean, net[0].running_var)])

    def averages():
        nd.waitall()
        return [p.data().asnumpy().reshape(-1) for p in (net[0].running_mean, net[0].running_var)]
    for _ in range(3):
        with autograd.record():
            Y = net(IMAGES)
        Y.backward()
    for found, want in zip(warmup.without_start(*averages(), 0.9 ** 3), (MEAN, VAR)):
        np.testing.assert_allclose(found, want, rtol=1e-3)
    warmup.measure_again(net, IMAGES)
    for found, want in zip(averages(), (MEAN, VAR)):
        np.testing.assert_allclose(found, want, rtol=1e-3)


@pytest.mark.parametrize('args, said', [
    ([], 'expected a NAME, one of bias, rates'), (['vgg'], "invalid choice: 'vgg'"),
    (['bias', '--chart', 'x.png'], 'bias has no chart')])
def test_wrong_arguments_are_code_2_with_what_is_allowed(args, said, capsys):
    with pytest.raises(SystemExit, match='2'):
        command.main(args)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize('name', command.NAMES)
def test_the_document_has_the_command_and_the_table_of_each_experiment(name):
    with open(command.DOCUMENT, encoding='utf-8') as f:
        text = f.read()
    assert 'experiments.py %s`' % name in text
    with open(os.path.join(REPOSITORY, 'results', 'experiments', name + '.txt')) as f:
        assert command.filled(text, name, f.read()) == text != command.filled(text, name, '')
