"""A model trained by its options, with or without a folder that keeps the run."""
import os

import numpy as np

from ..checks import Name, OptionError
from ..data.datasets import OF_PICTURES, dataset_name, get_dataset
from ..devices import devices_of
from ..distributed.place import find_place
from ..models.registry import name_of
from ..training.optimizers import check_momentum
from ..training.schedules import make_schedule
from .config import read_config
from .folder import check_new, lock_folder
from .options import FOLDER, OPTIONS, PLACEMENT, Placement, RunOptions, default_options
from .process import train_by
from .provenance import check_same, recall
from .start import check_start
from .together import follow_first, train_together


def train_model(model, out=None, *, epochs=None, batch_size=None, lr=None, ctx=None, seed=None,
                dataset=None, data_root=None, test_share=None, resize=None, checkpoint_every=None,
                tensorboard=None, norm_stats=None, norm_stats_every=None, optimizer=None,
                momentum=None, weight_decay=None, lr_schedule=None, lr_decay_epochs=None,
                lr_decay=None, warmup_epochs=None, label_smoothing=None, augment=None,
                start_from=None, freeze=None, early_stop=None, stop_non_finite=None, dtype=None,
                workers=None, nodes=None, node_rank=None, master=None, interface=None,
                start_timeout=None, stall_timeout=None, change_workers=None):
    """Train the model named `model` and print the book's lines.

    Returns (net, history): an `EpochRecord` for each epoch.

    `model` may also be a function, such as `get_model` imports by 'my_module:my_net'. The options
    are those of `RunOptions` and `Placement`, listed with their defaults in docs/runs.md. None
    stands for the default. `ctx` may also be an mx.Context, or a list of them.

    Progress goes to stderr. Ctrl-C and SIGTERM raise Interrupted, a KeyboardInterrupt, between two
    batches.

    `start_from` is read once: a run that has a checkpoint is resumed without it. With `freeze` the
    net that is returned is still frozen, unless several workers trained it.

    `out` is a new folder that keeps the run: config.json, history.csv, history.jsonl, times.csv,
    curves.png, the checkpoints last, previous and best, and the final weights; with `norm_stats`
    norms.csv too. `resume_run` continues it.

    Several `workers` are processes that train one net: each computes its shard of each batch. Rank
    0 prints the lines and keeps the folder. If one fails, all end.

    Raises ValueError for an unknown model; OptionError, a ValueError, for an option that cannot
    be; NonFiniteLoss with `stop_non_finite`; and OSError for data that are missing or damaged
    (DataError), for files that cannot be written, and for a worker that fails (WorkerError).
    """
    arguments = dict(locals())
    given, placement = check_given(arguments), _resolve_placement(arguments)
    if placement.change_workers:
        raise OptionError('change_workers', 'is for a run that is resumed, but this one starts')
    if workers is None and placement.place.nodes > 1:
        given['workers'] = placement.place.nodes
    options = resolve_options(model, given, in_folder=out is not None)
    asked, everywhere = sorted(given), dict(given, model=options.model)
    if placement.place.node_rank:  # the folder is on the first machine
        return follow_first(placement, everywhere)
    _check_machines(options, placement)
    if out is not None:
        check_new(out)
    check_start(options)
    if options.workers > 1:
        return train_together(options, placement, everywhere, out, asked)
    return train_by(options, out, asked)


def resume_run(folder, model=None, **options):
    """Continue the run in `folder` from its last checkpoint; return as `train_model` does.

    `options` are those of `train_model`. On a CPU the history, weights and printed lines are, bit
    for bit, those of a run that never stopped. Options marked so in docs/runs.md may differ from
    before. The others, and `model`, are only compared.

    Raises ValueError, with each difference, if it cannot be continued exactly, and if `folder` is
    not a run or is in use; TypeError for an unknown option; otherwise as `train_model`.
    """
    unknown = sorted(set(options) - {*OPTIONS, *PLACEMENT})
    if unknown:
        raise TypeError('a run has no option named %s' % ', '.join(unknown))
    given, placement = check_given(options), _resolve_placement(options)
    everywhere = dict(given, **({} if model is None else {'model': name_of(model)}))
    if placement.place.node_rank:
        return follow_first(placement, everywhere, resume=True)
    before = read_config(folder)
    with lock_folder(folder):
        check_same(folder, before, everywhere)
        recall(folder, before)
        now = RunOptions(before['model'], **{name: given.get(name, before[name])
                                             for name in OPTIONS})
        _check_together(now, given)
        _check_changes(now, before, placement)
        _check_machines(now, placement)
        if now.workers == 1:
            return train_by(now, folder, before['asked'], before)
    return train_together(now, placement, everywhere, folder, before['asked'], before)


def check_given(arguments):
    """Return the options of a run among `arguments` that are not None, as config.json has them.

    Each value is checked by itself. Raises OptionError, a ValueError.
    """
    given = {name: arguments[name] for name in OPTIONS if arguments.get(name) is not None}
    for name, value in given.items():
        if name == 'ctx':
            value = _device_text(value)
        elif name == 'dataset':
            value = dataset_name(value)
        elif name in ('data_root', 'start_from'):
            value = os.path.abspath(os.path.expanduser(os.fspath(value)))
        elif isinstance(value, tuple):
            value = list(value)
        OPTIONS[name].check(value)
        given[name] = value
    return given


def resolve_options(model, given, in_folder=False):
    """Return the `RunOptions` of a new run of `model` from those of `check_given`, a dict.

    What is missing is the recipe's or the book's, and a seed is drawn. `in_folder` says whether
    the run is kept in a folder. Raises ValueError for an unknown model, and OptionError, a
    ValueError, for options that cannot go together.
    """
    options = dict(default_options(model), **given)
    if options['seed'] is None:
        options['seed'] = int(np.random.randint(2 ** 31 - 1))
    if options['ctx'] is None:
        options['ctx'] = _device_text(None)
    if options['stop_non_finite'] is None:
        options['stop_non_finite'] = in_folder
    for name, option in OPTIONS.items():
        if option.group == FOLDER and options[name] and not in_folder:
            raise OptionError(name, 'is for a run in a folder: name one by %s', Name('out'))
    resolved = RunOptions(name_of(model), **options)
    _check_together(resolved, given)
    return resolved


def _check_together(options, given):
    """Raise OptionError if values of a `RunOptions` cannot go together.

    `given` are the options that the user gave in this call: some have no effect beside others, and
    only a user who gave them has to know.
    """
    dataset = get_dataset(options.dataset)
    if options.data_root is not None and not dataset.takes_root:
        raise OptionError('data_root', 'is %r, but the data set %s has no files',
                          options.data_root, dataset.name)
    if options.test_share is not None and not dataset.name.startswith(OF_PICTURES):
        raise OptionError('test_share', 'is %r, but the data set %s has its test images already',
                          options.test_share, dataset.name)
    if 'norm_stats_every' in given and not options.norm_stats:
        raise OptionError('norm_stats_every', 'is %d, but goes with %s only, which is off',
                          options.norm_stats_every, Name('norm_stats'))
    if 'lr_decay' in given and options.lr_schedule != 'step':
        raise OptionError('lr_decay', "is for the %s 'step', not for %r", Name('lr_schedule'),
                          options.lr_schedule)
    if options.freeze != 'none' and options.start_from is None:
        raise OptionError('freeze', 'is %r, but goes with %s only: new weights would never be '
                          'trained', options.freeze, Name('start_from'))
    make_schedule(vars(options), options.epochs, 1)  # raises OptionError
    check_momentum(options.optimizer, options.momentum)
    if options.workers > options.batch_size:
        raise OptionError('workers', 'is %d, but a step has %d images, and each worker needs one',
                          options.workers, options.batch_size)
    if options.workers > 1 and options.optimizer == 'sgld':
        raise OptionError('workers', 'is %d, but the optimizer sgld draws random numbers, other '
                          'ones in each worker: their weights would differ', options.workers)
    if options.dtype == 'float16' and devices_of(options.ctx)[0].device_type == 'cpu':
        raise OptionError('dtype', 'is float16, which needs a GPU: on a CPU MXNet has no matrix '
                          'product in float16')


def _resolve_placement(arguments):
    """Return the `Placement` from the options among `arguments`, None for the default.

    A cluster manager's variables count only if several `workers` or `nodes` are asked for. Raises
    OptionError, a ValueError.
    """
    given = {name: arguments[name] for name in PLACEMENT if arguments.get(name) is not None}
    for name, value in given.items():
        PLACEMENT[name].check(value)
    several = (arguments.get('workers') or 1) > 1 or given.get('nodes')
    place = find_place(*(given.get(name) for name in ('nodes', 'node_rank', 'master', 'interface')),
                       **({} if several else {'environment': {}}))
    return Placement(place=place, **given)


def _check_changes(options, before, placement):
    """Raise OptionError if a changed option would change values computed before, or from here."""
    if options.lr_schedule == 'cosine' and options.epochs != before['epochs']:
        raise OptionError('epochs', 'is %d, over which the schedule cosine is not what it was over '
                          '%d', options.epochs, before['epochs'])
    if options.workers != before['workers'] and not placement.change_workers:
        raise OptionError('workers', 'is %d, but the run has %d, and with another number its '
                          'values differ from here on; %s allows it', options.workers,
                          before['workers'], Name('change_workers'))


def _check_machines(options, placement):
    nodes = placement.place.nodes
    if options.workers < nodes:
        raise OptionError('workers', 'is %d, but there are %d machines, and each needs a worker',
                          options.workers, nodes)


def _device_text(ctx):
    """Return devices as text that `devices_of` reads: [mx.cpu(0), mx.cpu(1)] -> 'cpu:0,1'."""
    try:
        devices = devices_of(ctx)
    except ValueError as error:
        raise OptionError('ctx', 'cannot be: %s', error)
    kinds = {ctx.device_type for ctx in devices}
    if len(kinds) > 1:
        raise OptionError('ctx', 'names devices of more than one kind: %s', devices)
    return '%s:%s' % (kinds.pop(), ','.join(str(ctx.device_id) for ctx in devices))
