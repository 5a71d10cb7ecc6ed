"""The options of a run: from what was given to what a run goes by, and what is refused."""
import dataclasses
import inspect

import mxnet as mx
import numpy as np
import pytest

import gluonblocks as gb
from gluonblocks.checks import OptionError
from gluonblocks.commands.parser import flag_of
from gluonblocks.runs import process
from gluonblocks.runs.config import read_config
from gluonblocks.runs.options import OPTIONS, PLACEMENT, Placement, RunOptions
from gluonblocks.runs.train import check_options, resolve_options
from gluonblocks.training.optimizers import OPTIMIZERS


def test_unset_is_the_recipes_and_the_books(model_name):
    options = resolve_options(model_name, {})
    recipe = gb.get_recipe(model_name)
    assert (options.lr, options.batch_size, options.epochs, options.resize) == (
        recipe.lr, recipe.batch_size, recipe.epochs, recipe.resize)
    assert (options.optimizer, options.momentum, options.lr_schedule, options.label_smoothing,
            options.early_stop, options.dtype, options.stop_non_finite) == (
                'sgd', None, 'constant', 0, None, 'float32', False)


@pytest.mark.parametrize('ctx, text', [
    ('cpu', 'cpu:0'), (mx.cpu(1), 'cpu:1'), ('cpu:0,1', 'cpu:0,1'),
    ([mx.cpu(0), mx.cpu(2)], 'cpu:0,2'), (None, None)])
def test_devices_are_text_that_reads_back_as_the_same_devices(ctx, text):
    found = resolve_options('lenet_bn', check_options({'ctx': ctx})).ctx
    assert found == (text or '%s:0' % gb.try_gpu().device_type)
    assert check_options({'ctx': found}) == {'ctx': found}


def test_numpys_numbers_are_saved_as_pythons(folder):
    gb.train_model('lenet_bn', folder, dataset='synthetic', epochs=np.int64(2), seed=np.int64(3),
                   batch_size=np.int32(16), lr=np.float32(0.5), lr_schedule='step',
                   lr_decay_epochs=list(np.arange(1, 2)), norm_stats=np.bool_(True), ctx='cpu')
    config = read_config(folder)
    assert [config[name] for name in ('epochs', 'seed', 'batch_size', 'lr', 'lr_decay_epochs',
                                      'norm_stats')] == [2, 3, 16, 0.5, [1], True]


def test_the_keyword_arguments_are_the_declared_options_all_none_by_default():
    keywords = [p for p in inspect.signature(gb.train_model).parameters.values()
                if p.kind is p.KEYWORD_ONLY]
    assert [p.name for p in keywords] == [*OPTIONS, *PLACEMENT]
    assert {p.default for p in keywords} == {None}
    assert [f.name for f in dataclasses.fields(RunOptions)] == ['model', *OPTIONS]
    assert [f.name for f in dataclasses.fields(Placement)] == [*PLACEMENT, 'topology']


@pytest.mark.parametrize('optimizer', OPTIMIZERS)
def test_no_optimizer_ends_a_cosine_schedule_with_weights_that_are_not_finite(optimizer):
    try:
        net, _ = gb.train_model('lenet_bn', dataset='synthetic', batch_size=16, epochs=1, lr=0.01,
                                ctx='cpu', seed=0, optimizer=optimizer, lr_schedule='cosine')
    except OptionError as error:
        assert str(error).startswith("lr_schedule cannot be 'cosine' with optimizer " + optimizer)
        assert optimizer in ('ftml', 'ftrl', 'sgld')
    else:
        assert all(np.isfinite(p.data().asnumpy()).all() for p in net.collect_params().values())


@pytest.fixture
def no_data(monkeypatch):
    def load(*args):
        raise AssertionError('the data are loaded')
    monkeypatch.setattr(process, 'load_run_data', load)


@pytest.mark.usefixtures('no_data')
@pytest.mark.parametrize('given, said', [
    ({'epochs': 0}, 'epochs must be at least 1, got 0'),
    ({'momentum': 1}, 'momentum must be at least 0 and below 1, got 1'),
    ({'weight_decay': float('nan')}, 'weight_decay must be .*, got nan'),
    ({'lr_decay_epochs': [0]}, 'lr_decay_epochs must be at least 1, got 0'),
    ({'lr': 1e300}, 'lr must be above 0 and below 3.40.*, got 1e.300'),
    ({'seed': 2 ** 31}, 'seed must be .*, got 2147483648'),
    ({'tensorboard': 'yes'}, "tensorboard must be .*, got 'yes'"),
    ({'ctx': 'tpu'}, "ctx is invalid: expected a device such as .* got 'tpu'"),
    ({'dtype': 'float64'}, "dtype must be .*, got 'float64'"),
    ({'dataset': 'mnist'}, "dataset must be one of fashion-mnist, synthetic.*, got 'mnist'"),
    ({'workers': 2, 'stall_timeout': 0}, 'stall_timeout must be .*, got 0'),
    # Options that depend on another.
    ({'dtype': 'float16'}, 'dtype must be float32 on a CPU, got float16: MXNet'),
    ({'epochs': 2, 'warmup_epochs': 2}, r'warmup_epochs must be less than epochs \(2\), got 2'),
    ({'optimizer': 'adam', 'momentum': 0.9}, 'momentum cannot be used with optimizer adam'),
    ({'lr_decay': 0.5}, "lr_decay requires lr_schedule to be 'step', got 'constant'"),
    ({'lr_decay_epochs': [1]}, "lr_decay_epochs requires lr_schedule to be 'step', got"),
    ({'lr_schedule': 'step'}, "lr_schedule 'step' requires lr_decay_epochs"),
    ({'lr_schedule': 'step', 'lr_decay_epochs': [2], 'warmup_epochs': 2},
     r'lr_decay_epochs must be greater than warmup_epochs \(2\), got \[2\]'),
    ({'norm_stats': True}, 'norm_stats requires a run that is saved in a folder: set out'),
    ({'checkpoint_every': 5}, 'checkpoint_every requires a run that is saved'),
    ({'norm_stats_every': 5, 'out': 'run'}, 'norm_stats_every requires norm_stats, which is off'),
    ({'test_share': 0.5}, 'test_share cannot be used with the data set synthetic, which has its'),
    ({'data_root': 'x'}, 'data_root cannot be used with the data set synthetic, whose load'),
    ({'workers': 17}, r'workers must be at most 16 .*, got 17'),
    ({'workers': 2, 'optimizer': 'sgld'}, 'workers must be 1 with the optimizer sgld, got 2'),
    ({'workers': 2, 'change_workers': True}, 'change_workers can be set only when resuming a run'),
    ({'nodes': 3, 'node_rank': 0, 'master': 'm:29400', 'workers': 2},
      r'workers must be at least 3 \(one per machine\), got 2'),
    ({'nodes': 2, 'node_rank': 0}, 'master is .*: each of .*2 machines needs the HOST')])
def test_an_option_that_cannot_be_is_refused_before_any_data_are_loaded(
        given, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionError, match='^' + said) as error:
        gb.train_model('lenet_bn', **dict({'dataset': 'synthetic', 'batch_size': 16, 'ctx': 'cpu'},
                                          **given))
    assert error.value.option == said.split()[0]
    # A command line has its own name for each option that the message names.
    spelled = error.value.spelled(flag_of)
    assert not [name for name in [*OPTIONS, *PLACEMENT] if '_' in name and name in spelled]
    assert not (tmp_path / 'run').exists()
