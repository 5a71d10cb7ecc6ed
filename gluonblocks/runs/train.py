"""Train a model or resume a run: validate the options, then train in one or more processes."""
import os

import numpy as np

from ..checks import Name, OptionError
from ..data.datasets import FOLDER_PREFIX, dataset_name, get_dataset
from ..devices import devices_of
from ..distributed.topology import find_topology
from ..models.registry import name_of
from ..training.optimizers import check_momentum
from ..training.schedules import make_schedule
from .config import read_config
from .folder import check_new, lock_folder
from .options import FOLDER, OPTIONS, PLACEMENT, Placement, RunOptions, default_options
from .process import run_training
from .provenance import check_same, recall
from .start import check_start
from .workers import join_first_machine, train_in_workers


def train_model(model, out=None, *, epochs=None, batch_size=None, lr=None, ctx=None, seed=None,
                dataset=None, data_root=None, test_share=None, resize=None, checkpoint_every=None,
                tensorboard=None, norm_stats=None, norm_stats_every=None, optimizer=None,
                momentum=None, weight_decay=None, lr_schedule=None, lr_decay_epochs=None,
                lr_decay=None, warmup_epochs=None, label_smoothing=None, augment=None,
                start_from=None, freeze=None, early_stop=None, stop_non_finite=None, dtype=None,
                workers=None, nodes=None, node_rank=None, master=None, interface=None,
                start_timeout=None, stall_timeout=None, change_workers=None):
    """Train a model, and print the same lines as the book.

    Returns (net, history), where history is a list of one `EpochRecord` per epoch.

    `model` is a name, such as 'resnet' or 'my_module:my_net', or the function `my_net` itself. The
    other arguments are the options that `RunOptions` and `Placement` declare; None means the
    default listed in the documentation. `ctx` may also be an mx.Context or a list of them.

    Progress is printed to stderr. Ctrl-C and SIGTERM raise Interrupted, a KeyboardInterrupt,
    between two batches.

    `start_from` is read only once: a run that has a checkpoint is resumed without it. With
    `freeze`, the returned net is still frozen, unless several workers trained it.

    `out` is a new folder in which the run is saved: config.json, history.csv, history.jsonl,
    times.csv, curves.png, the checkpoints last, previous and best, the final weights, and, with
    `norm_stats`, norms.csv. `resume_run` continues such a run.

    With several `workers`, that many processes train one net, and each handles its shard of every
    batch. Rank 0 prints the lines and writes the folder. If one worker fails, all of them stop.

    Raises ValueError for an unknown model; OptionError, a ValueError, for an invalid option;
    NonFiniteLoss for a NaN or infinite loss with `stop_non_finite`; and OSError for missing or
    damaged data (DataError), for files that cannot be written, and for a worker that fails
    (WorkerError).
    """
    arguments = dict(locals())
    chosen, placement = check_options(arguments), _resolve_placement(arguments)
    if placement.change_workers:
        raise OptionError('change_workers', 'can be set only when resuming a run')
    if workers is None and placement.topology.nodes > 1:
        chosen['workers'] = placement.topology.nodes
    options = resolve_options(model, chosen, in_folder=out is not None)
    everywhere = dict(chosen, model=options.model)
    if placement.topology.node_rank:  # the folder is on the first machine
        return join_first_machine(placement, everywhere)
    _check_machines(options, placement)
    if out is not None:
        check_new(out)
    check_start(options)
    if options.workers > 1:
        return train_in_workers(options, placement, everywhere, out, sorted(chosen))
    return run_training(options, out, sorted(chosen))


def resume_run(folder, model=None, **options):
    """Resume the run in `folder` from its last checkpoint; return (net, history).

    The return value and the `options` are the same as for `train_model`. On a CPU, the history, the
    weights and the printed output are bit-for-bit identical to those of an uninterrupted run.
    The `model` and the options that affect the results must be the same as when the run stopped.

    Raises ValueError with a list of the differences if the run cannot be resumed exactly. Also
    raises ValueError if `folder` is not a run folder or is in use, TypeError for an unknown option,
    and the errors of `train_model`.
    """
    unknown = sorted(set(options) - {*OPTIONS, *PLACEMENT})
    if unknown:
        raise TypeError('unknown option: %s' % ', '.join(unknown))
    chosen, placement = check_options(options), _resolve_placement(options)
    everywhere = dict(chosen, **({} if model is None else {'model': name_of(model)}))
    if placement.topology.node_rank:
        return join_first_machine(placement, everywhere, resume=True)
    before = read_config(folder)
    with lock_folder(folder):
        check_same(folder, before, everywhere)
        recall(folder, before)
        now = RunOptions(before['model'], **{name: chosen.get(name, before[name])
                                             for name in OPTIONS})
        _check_conflicts(now, chosen)
        _check_changes(now, before, placement)
        _check_machines(now, placement)
        if now.workers == 1:
            return run_training(now, folder, before['chosen'], before)
    return train_in_workers(now, placement, everywhere, folder, before['chosen'], before)


def check_options(arguments):
    """Return a dict of the options in `arguments` that are not None, as config.json stores them.

    Each value is validated on its own. Raises OptionError, a ValueError, for an invalid value.
    """
    chosen = {name: arguments[name] for name in OPTIONS if arguments.get(name) is not None}
    for name, value in chosen.items():
        if name == 'ctx':
            value = _device_text(value)
        elif name == 'dataset':
            value = dataset_name(value)
        elif name in ('data_root', 'start_from'):
            value = os.path.abspath(os.path.expanduser(os.fspath(value)))
        elif isinstance(value, (tuple, list)):
            value = [_plain(item) for item in value]
        value = _plain(value)
        OPTIONS[name].check(value)
        chosen[name] = value
    return chosen


def _plain(value):
    """Convert a NumPy scalar to a plain Python value, for JSON and random generators."""
    return value.item() if isinstance(value, np.generic) else value


def resolve_options(model, chosen, in_folder=False):
    """Return the `RunOptions` for a new run of `model`; `chosen` comes from `check_options`.

    Options that are not in `chosen` get the model's default or, if it has none, the book's. The
    default seed is random. `in_folder` is True if the run is saved in a folder. Raises ValueError
    for an unknown model, and OptionError, a ValueError, for options that conflict.
    """
    options = dict(default_options(model), **chosen)
    if options['seed'] is None:
        options['seed'] = int(np.random.randint(2 ** 31 - 1))
    if options['ctx'] is None:
        options['ctx'] = _device_text(None)
    if options['stop_non_finite'] is None:
        options['stop_non_finite'] = in_folder
    for name, option in OPTIONS.items():
        if option.group == FOLDER and options[name] and not in_folder:
            raise OptionError(name, 'requires a run that is saved in a folder: set %s', Name('out'))
    resolved = RunOptions(name_of(model), **options)
    _check_conflicts(resolved, chosen)
    return resolved


def _check_conflicts(options, chosen):
    """Raise OptionError if some values in `options`, a `RunOptions`, conflict with each other.

    `chosen` contains the options that the user set in this call. An option that has no effect is an
    error only if it is in `chosen`.
    """
    dataset = get_dataset(options.dataset)
    if options.data_root is not None and not dataset.takes_root:
        raise OptionError('data_root', 'cannot be used with the data set %s, whose load function '
                          "has no argument 'root'", dataset.name)
    if options.test_share is not None and not dataset.name.startswith(FOLDER_PREFIX):
        raise OptionError('test_share', 'cannot be used with the data set %s, which has its own '
                          'test images', dataset.name)
    if 'norm_stats_every' in chosen and not options.norm_stats:
        raise OptionError('norm_stats_every', 'requires %s, which is off', Name('norm_stats'))
    if 'lr_decay' in chosen and options.lr_schedule != 'step':
        raise OptionError('lr_decay', "requires %s to be 'step', got %r", Name('lr_schedule'),
                          options.lr_schedule)
    if options.freeze != 'none' and options.start_from is None:
        raise OptionError('freeze', 'requires %s: otherwise the frozen layers would keep random '
                          'weights', Name('start_from'))
    make_schedule(vars(options), options.epochs, 1)  # raises OptionError
    # With a learning rate of 0, ftml and ftrl divide 0 by 0, which makes all weights NaN, and sgld
    # raises an error.
    if options.lr_schedule == 'cosine' and options.optimizer in ('ftml', 'ftrl', 'sgld'):
        raise OptionError('lr_schedule', "cannot be 'cosine' with %s %s, which does not support "
                          'the learning rate of 0 in the last step', Name('optimizer'),
                          options.optimizer)
    check_momentum(options.optimizer, options.momentum)
    if options.workers > options.batch_size:
        raise OptionError('workers', 'must be at most %d (the number of images per step), got %d',
                          options.batch_size, options.workers)
    if options.workers > 1 and options.optimizer == 'sgld':
        raise OptionError('workers', 'must be 1 with the optimizer sgld, got %d: otherwise, the '
                          'workers would draw different random numbers', options.workers)
    if options.dtype == 'float16' and devices_of(options.ctx)[0].device_type == 'cpu':
        raise OptionError('dtype', 'must be float32 on a CPU, got float16: MXNet has no float16 '
                          'matrix product for CPUs')


def _resolve_placement(arguments):
    """Return the `Placement` for the options in `arguments`; None stands for the default.

    A cluster manager's environment variables are read only if `nodes` is set or `workers` is above
    1. Raises OptionError, a ValueError, for an invalid option.
    """
    chosen = {name: arguments[name] for name in PLACEMENT if arguments.get(name) is not None}
    for name, value in chosen.items():
        PLACEMENT[name].check(value)
    several = (arguments.get('workers') or 1) > 1 or chosen.get('nodes')
    topology = find_topology(
        *(chosen.get(name) for name in ('nodes', 'node_rank', 'master', 'interface')),
        **({} if several else {'environment': {}}))
    return Placement(topology=topology, **chosen)


def _check_changes(options, before, placement):
    """Raise OptionError if a changed option would change the results of the resumed run."""
    if options.lr_schedule == 'cosine' and options.epochs != before['epochs']:
        raise OptionError('epochs', 'must stay %d, got %d: the cosine schedule depends on the '
                          'number of epochs', before['epochs'], options.epochs)
    if options.workers != before['workers'] and not placement.change_workers:
        raise OptionError('workers', 'must stay %d, got %d: a different number of workers would '
                          'change all later results. Set %s to allow it', before['workers'],
                          options.workers, Name('change_workers'))


def _check_machines(options, placement):
    nodes = placement.topology.nodes
    if options.workers < nodes:
        raise OptionError('workers', 'must be at least %d (one per machine), got %d', nodes,
                          options.workers)


def _device_text(ctx):
    """Convert devices to text that `devices_of` accepts: [mx.cpu(0), mx.cpu(1)] -> 'cpu:0,1'."""
    try:
        devices = devices_of(ctx)
    except ValueError as error:
        raise OptionError('ctx', 'is invalid: %s', error)
    kinds = {ctx.device_type for ctx in devices}
    if len(kinds) > 1:
        raise OptionError('ctx', 'must list devices of the same type, got %s', devices)
    return '%s:%s' % (kinds.pop(), ','.join(str(ctx.device_id) for ctx in devices))
