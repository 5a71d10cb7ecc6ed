"""A model trained by its options, with or without a folder that keeps the run."""
import contextlib
import functools
import os
import random
from typing import List

import mxnet as mx
import numpy as np
from mxnet import init

from ..graphs import operators
from ..models.registry import get_model, name_of
from ..training.busy import BusyMachine
from ..training.hooks import Beats, EarlyStop, FiniteLoss, Hook, Reseed, draws_numbers
from ..training.loop import Alone, TrainingState, train_ch5
from ..training.losses import make_loss
from ..training.norms import NormStats
from ..training.optimizers import make_trainer
from ..training.progress import Progress, tell
from ..training.schedules import make_schedule
from ..training.tensorboard import TensorBoardEvents
from .config import NAME, for_config, recipe_digest
from .data import load_run_data
from .fit import check_images, check_output
from .folder import RunFolder
from .options import FOLDER, OPTIONS, OptionError, describe_options
from .provenance import check_same, data_checksum, deciding, environment
from .resolve import check_options, normalize, resolve_options, starting_options
from .sources import recall, sources_of
from .together import follow_first, train_together


def train_model(model, out=None, **asked):
    """Train the model named `model` and print the book's lines.

    Returns (net, history): an `EpochRecord` for each epoch.

    `model` may be a function, too, as `get_model` imports it by 'my_module:my_net'.

    Progress goes to stderr. Ctrl-C and SIGTERM raise Interrupted, a KeyboardInterrupt, between two
    batches.

    `out` is a new folder that gets the run: config.json, history.csv, history.jsonl, times.csv,
    curves.png, the checkpoints last, previous and best, and the final weights; with `norm_stats`
    norms.csv too. `resume_run` goes on with it.

    With several `workers` that many processes train one net: each computes its share of each batch.
    The first one prints the lines and keeps the folder, and all end when one of them fails.

    Raises ValueError for an unknown model, OptionError, one too, for an option that cannot be,
    TypeError for an unknown option, NonFiniteLoss where that is asked or there is a folder, and
    OSError for data that are missing or damaged (DataError), files that cannot be written, and
    WorkerError, one too, for what happens to one of several workers.

    The options, all optional; `ctx` may be an mx.Context too, or a list of them:
    """
    starting = starting_options(asked)
    if starting['change_workers']:
        raise OptionError('change_workers', 'is for a run that is resumed, but this one starts')
    if asked.get('workers') is None and starting['place'].nodes > 1:
        asked['workers'] = starting['place'].nodes
    options = resolve_options(name_of(model), asked)
    if out is None:
        for name, option in OPTIONS.items():
            if option.group == FOLDER and options[name]:
                raise OptionError(name, 'is for a run that is kept in a folder, but none is named')
    else:
        options['stop_non_finite'] = True
    named = normalize(asked)
    if starting['place'].node_rank:
        return follow_first(starting, dict(named, model=options['model']))
    _check_nodes(options, starting)
    if options['workers'] > 1:
        return train_together(options, sorted(named), starting,
                              dict(named, model=options['model']), out)
    if out is None:
        return train_by(options)
    with RunFolder.new(out) as run:
        return train_by(options, run, sorted(named))


def resume_run(folder, model=None, **asked):
    """Go on with the run in `folder`, from its last checkpoint; return as `train_model` does.

    History, weights and printed lines from there on are, bit for bit, those of the run had it
    never stopped, on a CPU. Some options may be `asked` otherwise than before: %s. The others, and
    `model`, are only compared.

    Raises ValueError, with what differs, where it cannot go on exactly, and where `folder` is no
    run or in use; otherwise as `train_model`.
    """
    starting, asked = starting_options(asked), normalize(asked)
    now = dict(asked, **({} if model is None else {'model': name_of(model)}))
    if starting['place'].node_rank:  # the folder is on the first machine
        return follow_first(starting, now, resume=True)
    with RunFolder.open(folder) as run:
        check_same(folder, run.config, for_config(now))
        recall(folder, run.config)
        try:
            options = check_options(
                dict(run.config, **normalize(dict(asked, ctx=run.config['ctx']))))
        except OptionError as error:
            if error.option in asked:
                raise
            raise ValueError('%s: %s' % (os.path.join(folder, NAME), error))  # nobody asked for it
        before = run.config['workers']
        if options['workers'] != before and not starting['change_workers']:
            raise OptionError('workers', 'is %d, but the run has %d, and with another number its '
                              'numbers are others from here on; change_workers allows it'
                              % (options['workers'], before))
        _check_nodes(options, starting)
        if options['workers'] == 1:
            return train_by(options, run, run.config['asked'])
    return train_together(options, run.config['asked'], starting, now, folder, resume=True)


if train_model.__doc__ and resume_run.__doc__:  # not under python -OO
    train_model.__doc__ = train_model.__doc__.rstrip() + '\n\n' + describe_options() + '\n    '
    resume_run.__doc__ %= ', '.join(o.name for o in OPTIONS.values() if o.may_change)


def _check_nodes(options, starting):
    nodes = starting['place'].nodes
    if options['workers'] < nodes:
        raise OptionError('workers', 'is %d, but there are %d machines: each has one, or more'
                          % (options['workers'], nodes))


def train_by(options, run=None, asked=(), workers=None):
    """Train by `options`, kept in the `RunFolder` if there is one; `asked` is for its config.

    `workers` are the `Workers` of which this process is one.
    """
    workers = workers or Alone()
    devices, num_epochs = workers.devices(options['ctx']), options['epochs']
    ctx = devices if len(devices) > 1 else devices[0]
    _seed_generators(options['seed'])
    if any(ctx.device_type == 'cpu' for ctx in devices):
        operators.start()  # compiles them, if need be, while the data are loaded
    train_iter, test_iter, facts = load_run_data(options, workers.part)
    options = dict(options, **facts)
    workers.join(lambda: dict(deciding(environment()), options=recipe_digest(options),
                              num_classes=options['num_classes'],
                              data_sha256=data_checksum(train_iter, test_iter)))
    tell('%s on %s: lr %g, batch size %d, epochs %d, seed %d, threads %s' % (
        options['model'], options['dataset'], options['lr'], options['batch_size'], num_epochs,
        options['seed'], os.environ.get('OMP_NUM_THREADS')))

    net = get_model(options['model'], num_classes=options['num_classes'])
    if options['dtype'] != 'float32':
        net.cast(options['dtype'])
        train_iter.dtype = test_iter.dtype = options['dtype']
    check_images(net, train_iter, options)
    net.initialize(ctx=ctx, init=init.Xavier())
    # Static allocation reuses the graph's buffers; static shape would leave stale statistics.
    net.hybridize(static_alloc=True)
    trainer = make_trainer(net, ctx, options, make_schedule(options, num_epochs, len(train_iter)),
                           workers.trainer)
    state, loss = TrainingState(), make_loss(options['label_smoothing'], options['dtype'])
    finite = FiniteLoss(trainer, len(train_iter)) if options['stop_non_finite'] else None
    hooks = make_hooks(net, finite, options, workers)
    with contextlib.ExitStack() as closing:
        closing.callback(check_output(net, options['model'], options['num_classes']).detach)
        if run:
            if options['tensorboard'] and workers.rank == 0:
                hooks.append(TensorBoardEvents(os.path.join(run.folder, 'tensorboard'), trainer))
            recorders = [NormStats(run.folder, net, options['norm_stats_every'])] if (
                options['norm_stats'] and workers.rank == 0) else []
            run.attach(net, trainer, finite, recorders, workers)
            run.start(dict(for_config(options), asked=asked, **environment(),
                           worker_changes=[[0, options['workers']]],
                           sources=sources_of(options['model'], options['dataset']),
                           data_sha256=data_checksum(train_iter, test_iter)), state,
                      functools.partial(_check_position, options, train_iter))
            train_iter.start_at(len(state.history), state.batch)
            hooks += recorders
            hooks.append(run)  # the last, for its checkpoint is to be after all that they do
        for hook in hooks:
            closing.callback(hook.close)
        interrupt = closing.enter_context(workers.interrupt())
        if run:
            closing.enter_context(run.keeping(state))
        progress = Progress(train_iter, num_epochs, len(state.history),
                            state.batch and state.batch * train_iter.batch_size)
        history = train_ch5(net, interrupt.guard(progress), interrupt.guard(test_iter),
                            options['batch_size'], trainer, ctx, num_epochs, loss=loss,
                            hooks=hooks, state=state, workers=workers)
    if state.stop:
        tell('stopped early: %s' % state.stop)
    return net, history


def make_hooks(net, finite, options, workers):
    """The hooks that `options` ask for, but those of a run's folder."""
    hooks: List[Hook] = [Beats(workers), BusyMachine()] + ([finite] if finite else [])
    if options['early_stop']:
        hooks.append(EarlyStop(options['early_stop'], options['epochs']))
    if options['optimizer'] == 'sgld' or draws_numbers(net):
        hooks.append(Reseed(options['seed'], workers.rank))
    return hooks


def _seed_generators(seed):
    mx.random.seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def _check_position(options, train_iter, info, epochs_before):
    """ValueError where a checkpoint, by its `info`, does not lie on the way of a run by `options`.

    Nor may it lie beyond the target, or have come by other learning rates than those towards it.
    """
    target, num_batches = options['epochs'], len(train_iter)
    epoch, batch, step = info['epoch'], info['batch'], info['step']
    images = min(batch * train_iter.batch_size, train_iter.num_images)
    numbers = set(info['counts'].values()) | {info['optimizer'].get('num_update', step)}
    if batch > num_batches or step != (epoch - 1) * num_batches + batch or (
            info['images'] != images) or not numbers <= {None, step}:
        raise ValueError('the checkpoint says step %d, epoch %d, batch %d, %d images, and updates '
                         '%s, which do not go together at %d batches an epoch' % (
                             step, epoch, batch, info['images'],
                             sorted(numbers - {None}), num_batches))
    done = epoch - 1 + (batch > 0)
    if target < done:
        raise OptionError('epochs', 'is %d, which lies behind the run: it is in epoch %d'
                          % (target, done))
    before, after = [make_schedule(options, epochs, num_batches)
                     for epochs in (epochs_before, target)]
    for n in range(1, step + 1) if before else ():
        if before(n) != after(n):
            raise OptionError('epochs', (
                'is %d, over which the schedule %s is not what it was over %d: step %d had '
                'learning rate %g, and would have had %g') % (
                    target, options['lr_schedule'], epochs_before, n, before(n), after(n)))
