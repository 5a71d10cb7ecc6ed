"""One model of the registry, trained by its recipe or shown: what `scripts/train.py` does."""
import os
import random
import sys
from contextlib import nullcontext
from typing import List

import mxnet as mx
import numpy as np
from mxnet import init

from ..data.datasets import get_dataset
from ..devices import devices_of
from ..graphs.random import draws_numbers
from ..models.registry import get_model, get_recipe
from ..models.summary import format_summary, layer_shapes
from ..training.hooks import EarlyStop, FiniteLoss, Hook, Reseed
from ..training.interrupt import DeferredInterrupt
from ..training.loop import TrainingState, train_ch5
from ..training.losses import make_loss
from ..training.optimizers import make_trainer
from ..training.progress import Progress
from ..training.schedules import make_schedule
from ..training.tensorboard import TensorBoardEvents
from .folder import RunFolder, check_new
from .options import resolve_options
from .provenance import check_same, data_checksum, environment


def train_model(name, num_epochs=None, batch_size=None, lr=None, ctx=None, seed=None,
                dataset='fashion-mnist', root=None, out=None, checkpoint_every=None,
                tensorboard=False, **features):
    """Train the model `name` and print the book's lines; return (net, its `EpochRecord`s).

    What is None is as the model's recipe says; `ctx` is an mx.Context, a list of them that share
    each batch, or a name for `get_ctx` (None: `try_gpu()`); `seed` sets the generators of MXNet,
    NumPy and Python and the order of the images (None: drawn, and told on stderr); `dataset` is a
    key of `list_datasets()`; `root` its folder, where it has one. Progress goes to stderr. Ctrl-C and
    SIGTERM raise Interrupted, a KeyboardInterrupt, between two batches.

    `out` is a new folder that gets the run: config.json, history.csv, history.jsonl, times.csv,
    curves.png, the checkpoints last, previous and best, and the final weights; `checkpoint_every`
    is how many steps lie between checkpoints within an epoch (None: only the first step has one);
    `tensorboard` asks for its events there. `resume_run` goes on with it.

    The `features`, of which none is the book's: optimizer, one of `OPTIMIZERS`, momentum,
    weight_decay; lr_schedule ('constant', 'step' or 'cosine') with warmup_epochs and, for steps,
    lr_decay, a factor, and lr_decay_epochs, a list; label_smoothing, a share; early_stop, the
    epochs to wait for a better test accuracy; stop_non_finite, whether a loss that is no finite
    number ends the run with NonFiniteLoss, as it always does with `out`; dtype 'float16', on GPUs.

    Raises ValueError for an unknown name, a device that is not there or features that do not fit,
    and OSError for data that are missing or damaged (DataError) and files that cannot be written.
    """
    asked = dict(features, epochs=num_epochs, batch_size=batch_size, lr=lr, ctx=ctx, seed=seed,
                 dataset=dataset, data_root=root)
    options = resolve_options(name, asked)
    asked.update(checkpoint_every=checkpoint_every, tensorboard=tensorboard or None)
    if out is None:
        if checkpoint_every or tensorboard:
            raise ValueError('checkpoints and TensorBoard events need a folder: --out')
        return _train(options)
    if not options['epochs']:
        raise ValueError('a run in a folder has at least one epoch')
    check_new(out)
    options['stop_non_finite'] = True

    def create(*loaders):
        return RunFolder.create(out, dict(
            options, data_root=root and os.path.abspath(os.path.expanduser(root)),
            asked=sorted(option for option, value in asked.items()
                         if value is not None and (option, value) != ('dataset', 'fashion-mnist')),
            checkpoint_every=checkpoint_every, tensorboard=tensorboard,
            data_sha256=data_checksum(*loaders), **environment()))
    return _train(options, create)


def resume_run(folder, num_epochs=None, checkpoint_every=None, tensorboard=None, ctx=None,
               root=None, **asked):
    """Go on with the run in `folder`, from its last checkpoint; return as `train_model` does.

    History, weights and printed lines from there on are, bit for bit, those of the run had it
    never stopped, on a CPU. `num_epochs` is another target, `checkpoint_every`, `tensorboard` and
    `root` may differ too; whatever else is `asked`, by the names in config.json, is only compared.

    Raises ValueError, with what differs, where it cannot go on exactly, and where `folder` is no
    run or in use; otherwise as `train_model`.
    """
    run = RunFolder.open(folder)
    try:
        config = run.config
        if ctx is not None:
            asked['ctx'] = resolve_options(config['model'], {'ctx': ctx})['ctx']
        check_same(folder, config, {k: v for k, v in asked.items() if v is not None})
        changes = {'epochs': num_epochs, 'checkpoint_every': checkpoint_every,
                   'tensorboard': tensorboard, 'data_root': root}
        options = dict(config, **{k: v for k, v in changes.items() if v is not None})

        def reopen(*loaders):
            check_same(folder, config, dict(environment(), data_sha256=data_checksum(*loaders)))
            run.config = options
            return run
        return _train(options, reopen, config['epochs'])
    finally:
        run.close()


def _train(options, get_run=None, epochs_before=None):
    """Train by `options`; `get_run` gives the RunFolder, once the data are there, if there is one.

    `epochs_before` is the target up to now of a run that goes on, None for a new one.
    """
    name, num_epochs, batch_size = options['model'], options['epochs'], options['batch_size']
    seed = options['seed']
    devices = devices_of(options['ctx'])
    ctx = devices if len(devices) > 1 else devices[0]
    mx.random.seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    train_iter, test_iter = get_dataset(options['dataset']).load_from(
        options['data_root'], batch_size, resize=options['resize'], seed=seed)
    print('%s on %s: lr %g, batch size %d, epochs %d, seed %d, threads %s'
          % (name, options['dataset'], options['lr'], batch_size, num_epochs, seed,
             os.environ.get('OMP_NUM_THREADS')), file=sys.stderr)

    net = get_model(name)
    if options['dtype'] != 'float32':
        net.cast(options['dtype'])
        train_iter.dtype = test_iter.dtype = options['dtype']
    net.initialize(ctx=ctx, init=init.Xavier())
    # Static allocation reuses the graph's buffers; static shape would leave stale statistics.
    net.hybridize(static_alloc=True)
    trainer = make_trainer(net, ctx, options, make_schedule(options, num_epochs, len(train_iter)))

    hooks = make_hooks(net, trainer, len(train_iter), options)
    state, run = TrainingState(), get_run and get_run(train_iter, test_iter)
    try:
        if run:
            run.attach(net, trainer, finite=hooks[0])
            if epochs_before is not None and run.restore(state):
                _check_target(options, epochs_before, state, len(train_iter))
                train_iter.start_at(len(state.history), state.batch)
            run.write_config()
            if run.config['tensorboard']:
                hooks.append(TensorBoardEvents(os.path.join(run.folder, 'tensorboard'), trainer))
            hooks.append(run)  # the last, for its checkpoint is to be after all that they do
        loss = make_loss(options['label_smoothing'], options['dtype'])
        attached = {'loss': loss, 'hooks': hooks, 'state': hooks and state}
        with DeferredInterrupt() as interrupt, (run.keeping(state) if run else nullcontext()):
            progress = Progress(train_iter, num_epochs, len(state.history), state.images)
            history = train_ch5(net, interrupt.guard(progress), interrupt.guard(test_iter),
                                batch_size, trainer, ctx, num_epochs,
                                **{key: value for key, value in attached.items() if value})
    finally:
        for hook in hooks:
            hook.close()
    if state.stop:
        print('stopped early: no better test accuracy for %d epochs' % options['early_stop'],
              file=sys.stderr)
    return net, history


def make_hooks(net, trainer, num_batches, options):
    """The hooks that `options`, of `resolve_options`, ask for, but those of a run's folder."""
    hooks: List[Hook] = [FiniteLoss(trainer, num_batches)] if options['stop_non_finite'] else []
    if options['early_stop']:
        hooks.append(EarlyStop(options['early_stop']))
    if options['optimizer'] == 'sgld' or draws_numbers(net):
        hooks.append(Reseed(options['seed']))
    return hooks


def _check_target(options, epochs_before, state, num_batches):
    """ValueError if with the target of `options` the run would not be where `state` is."""
    target = options['epochs']
    done = len(state.history) + (state.batch > 0)
    if target < done:
        raise ValueError('the run is in epoch %d: --epochs %d lies behind it' % (done, target))
    before, after = [make_schedule(options, epochs, num_batches)
                     for epochs in (epochs_before, target)]
    for step in range(1, state.step + 1) if before else ():
        if before(step) != after(step):
            raise ValueError(
                'the schedule %s over %d epochs is not what it was over %d: step %d had learning '
                'rate %g, and would have had %g' % (options['lr_schedule'], target, epochs_before,
                                                    step, before(step), after(step)))


def model_summary(name):
    """The layer table of the model `name`, for one grey image of its recipe's size, as text.

    Raises ValueError for an unknown name.
    """
    side = get_recipe(name).resize or 28
    net = get_model(name)
    net.initialize()
    return format_summary(layer_shapes(net, (1, 1, side, side)))
