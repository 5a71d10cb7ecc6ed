"""Train in this process, which is either the only process of a run or one of several workers."""
import contextlib
import os
import traceback
from typing import List

from mxnet import init

from ..devices import devices_of
from ..distributed.group import ProcessGroup
from ..graphs import operators
from ..models.registry import get_model
from ..training.busy import BusyMachine
from ..training.hooks import (
    EarlyStop,
    FiniteLoss,
    Hook,
    NonFiniteLoss,
    Reseed,
    SavedState,
    needs_reseeding,
)
from ..training.interrupt import Interrupted
from ..training.loop import Alone, TrainingState, train_ch5
from ..training.losses import make_loss
from ..training.norms import NormStats
from ..training.optimizers import make_trainer
from ..training.progress import Progress, tell
from ..training.schedules import make_schedule
from ..training.tensorboard import TensorBoardEvents
from .config import identity_of
from .data import check_net, load_run_data, seed_generators
from .folder import RunFolder, lock_folder
from .options import RunOptions
from .provenance import check_same, data_checksum, decisive, environment, recall, sources_of
from .start import freeze_features, start_net
from .weights import encode_tensors, net_arrays


def run_training(options, folder=None, chosen_names=(), before=None, workers=None):
    """Train with `options`, a `RunOptions`; return (net, list of `EpochRecord` objects).

    The run is saved in `folder`, unless it is None. `chosen_names` lists the names of the options
    that the user set, for config.json. `before` is the config of the run to resume, or None; rank 0
    must have locked the run's folder. `workers` is the `ProcessGroup` of this process, or None.
    """
    workers = workers or Alone()
    devices = workers.devices(devices_of(options.ctx))
    ctx = devices if len(devices) > 1 else devices[0]
    seed_generators(options.seed)
    if devices[0].device_type == 'cpu':
        operators.start()  # compile them in the background while the data are loaded
    train_iter, test_iter, facts = load_run_data(options, workers.shard)
    sources = sources_of(options.model, options.dataset)
    own_model = not sources['model'] and ':' not in options.model
    workers.join(lambda: dict(decisive(environment(own_model)), options=identity_of(vars(options)),
                              num_classes=facts['num_classes'],
                              data_sha256=data_checksum(train_iter, test_iter)))
    tell('%s on %s: lr %g, batch size %d, epochs %d, seed %d, threads %s' % (
        options.model, options.dataset, options.lr, options.batch_size, options.epochs,
        options.seed, environment(own_model)['threads']))

    net = get_model(options.model, num_classes=facts['num_classes'])
    if options.dtype != 'float32':
        net.cast(options.dtype)
        train_iter.dtype = test_iter.dtype = options.dtype
    check_net(net, train_iter, options, facts)
    net.initialize(ctx=ctx, init=init.Xavier())
    if options.freeze != 'none':
        freeze_features(net, options.model)
    # static_alloc reuses buffers, which is faster. static_shape must stay off, because it would
    # leave the running statistics outdated.
    net.hybridize(static_alloc=True)
    start_sha256 = options.start_from and start_net(net, options, train_iter, facts, workers,
                                                    folder, before)
    trainer = make_trainer(net, ctx, vars(options), make_schedule(
        vars(options), options.epochs, len(train_iter)), workers.trainer)
    loss = make_loss(options.label_smoothing, options.dtype)
    finite = FiniteLoss(trainer, len(train_iter)) if options.stop_non_finite else None
    hooks, state, run = make_hooks(net, finite, options, workers), TrainingState(), None
    if folder is not None or workers.world_size > 1:  # the net is later loaded from a file
        hooks.append(SavedState(net))
    with contextlib.ExitStack() as closing:
        if folder is not None:
            norms = None
            if options.norm_stats and not workers.rank:
                norms = NormStats(folder, net, options.norm_stats_every)
                hooks.append(norms)
            if options.tensorboard and not workers.rank:
                hooks.append(TensorBoardEvents(os.path.join(folder, 'tensorboard'), trainer))
            config = dict(vars(options), **facts, chosen=list(chosen_names),
                          **environment(own_model),
                          worker_changes=[[0, options.workers]], sources=sources,
                          start_sha256=start_sha256,
                          data_sha256=data_checksum(train_iter, test_iter))
            if not workers.rank:
                if before is None:
                    closing.enter_context(lock_folder(folder, new=True))
                else:
                    now = dict(config)
                    if options.workers != before['workers']:
                        del now['threads']  # it depends on the number of workers
                    check_same(folder, before, now)
            run = RunFolder(folder, config, before, net, trainer, finite, norms, workers)
            state = run.state
            train_iter.start_at(len(state.history), state.batch)
            hooks.append(run)  # last, so that a checkpoint includes the effects of all other hooks
        for hook in hooks:
            closing.callback(hook.close)
        interrupt = closing.enter_context(workers.interrupt())
        progress = Progress(train_iter, options.epochs, len(state.history),
                            state.batch and state.batch * train_iter.batch_size)
        try:
            history = train_ch5(net, interrupt.guard(progress), interrupt.guard(test_iter),
                                options.batch_size, trainer, ctx, options.epochs, loss=loss,
                                hooks=hooks, state=state, workers=workers)
            if run:
                run.finish(state)
        except Interrupted as stop:
            raise run.interrupted(stop, state) if run else stop
        except NonFiniteLoss as error:
            raise run.diverged(error) if run and not workers.rank else error
    if state.stop:
        tell('stopped early: %s' % state.stop)
    return net, history


def make_hooks(net, finite, options, workers):
    """Return a list of the hooks for `options`, except those that write to the run folder."""
    hooks: List[Hook] = [BusyMachine()] + ([finite] if finite else [])
    if options.early_stop:
        hooks.append(EarlyStop(options.early_stop, options.epochs))
    if options.optimizer == 'sgld' or needs_reseeding(net):
        hooks.append(Reseed(options.seed, workers.rank))
    return hooks


def main():
    """Train as one of several workers, report the outcome to the launcher, and exit."""
    workers = ProcessGroup()
    try:
        net, history = _train(workers)
        if workers.local_rank == 0:
            with open(workers.job['result'], 'wb') as f:
                f.write(encode_tensors(net_arrays(net), {
                    'history': history, 'num_classes': workers.facts['num_classes']}))
    except Interrupted as stop:
        workers.end('stopped', text=str(stop))
    except (ArithmeticError, ImportError, OSError, ValueError, MemoryError) as error:
        workers.end('failed', code=1, text=str(error) or type(error).__name__)
    except BaseException:  # an MXNet error, or a bug in our code or the user's
        workers.end('failed', code=1, text=traceback.format_exc().strip())
    workers.end()


def _train(workers):
    job = workers.job
    options = dict(job['options'])
    recall('this run', dict(options, sources=job['sources']))
    if job['data_root'] is not None:  # this machine sets its own data folder
        options['data_root'] = job['data_root']
    folder, before = job['folder'], job['before']
    with contextlib.ExitStack() as closing:
        if before is not None and not workers.rank:
            closing.enter_context(lock_folder(folder))
        return run_training(RunOptions(**options), folder, job['chosen_names'], before, workers)
