"""A model trained by its recipe."""

import mxnet as mx
import pytest
from conftest import replace_dataset, smaller

import gluonblocks as gb
from gluonblocks.runs import train as run


@pytest.fixture(autouse=True)
def little_data(monkeypatch):
    """So that ResNet and DenseNet are through in seconds."""
    smaller(monkeypatch, num_train=48, num_test=16)


def train(name='lenet_bn', **kwargs):
    net, history = gb.train_model(name, **dict({'dataset': 'synthetic', 'epochs': 2}, **kwargs))
    weights = [p.data().asnumpy() for p in net.collect_params().values()]
    return [r[:4] for r in history], weights


def test_model_learns_the_synthetic_data(model_name):
    # The recipes' learning rates are for 60,000 images; on 48 the loss goes down by leaps.
    history, _ = train(model_name, seed=0, epochs=6, batch_size=16)
    losses = [loss for _, loss, _, _ in history]
    assert len(losses) == 6 and min(losses) < losses[0] / 2


def test_same_seed_same_numbers_to_the_last_bit():
    (first, weights), (second, again), (other, _) = [train(seed=s) for s in (3, 3, 4)]
    assert first == second != other
    assert all((a == b).all() for a, b in zip(weights, again))


def test_the_seed_that_was_drawn_is_told_and_repeats_the_run(capsys):
    first, _ = train()
    seed = int(capsys.readouterr().err.split('seed ')[1].split(',')[0])
    assert train(seed=seed)[0] == first


@pytest.fixture
def asked(monkeypatch):
    """What the run asks of the data set, the trainer and the loop."""
    seen = {}

    def load(batch_size, **kwargs):
        seen.update(kwargs, batch_size=batch_size)
        return gb.data.load_data_synthetic(batch_size, resize=kwargs['resize'], seed=0)

    def loop(net, train_iter, test_iter, batch_size, trainer, ctx, num_epochs, **attached):
        seen.update(lr=trainer.learning_rate, epochs=num_epochs, step=batch_size, ctx=ctx)
        return []

    replace_dataset(monkeypatch, 'synthetic', load, takes_root=True)
    monkeypatch.setattr(run, 'train_ch5', loop)
    return seen


def test_what_is_unset_is_the_recipes(asked, model_name):
    gb.train_model(model_name, dataset='synthetic')
    recipe = gb.get_recipe(model_name)
    assert (asked['lr'], asked['batch_size'], asked['step'], asked['epochs'],
            asked['resize'], asked['ctx']) == (recipe.lr, recipe.batch_size, recipe.batch_size,
                                               recipe.epochs, recipe.resize, gb.try_gpu())


def test_what_is_set_is_taken(asked):
    gb.train_model('lenet_bn', dataset='synthetic', lr=0.3, batch_size=64, epochs=1,
                   ctx=mx.cpu(1), seed=7, data_root='/folder')
    assert (asked['lr'], asked['batch_size'], asked['step'], asked['epochs'], asked['ctx'],
            asked['seed'], asked['root']) == (0.3, 64, 64, 1, mx.cpu(1), 7, '/folder')


def test_an_unknown_data_set_is_refused_with_the_list():
    with pytest.raises(ValueError, match="is 'mnist', but must be one of fashion-mnist, synthetic"):
        gb.train_model('lenet_bn', dataset='mnist')
