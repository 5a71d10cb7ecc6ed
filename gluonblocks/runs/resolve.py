"""Check the options of a run, and fill in their defaults."""
import os

import numpy as np

from ..checks import Name, OptionError
from ..data.datasets import OF_PICTURES, dataset_name, get_dataset
from ..devices import devices_of
from ..distributed.place import find_place
from ..models.registry import get_recipe, name_of
from ..training.optimizers import check_momentum
from ..training.schedules import make_schedule
from .options import FOLDER, OPTIONS, PLACEMENT, Placement, RunOptions


def default_options(model):
    """Return the default of each option for a run of `model`, a dict; None is decided later.

    Raises as `get_recipe` does for an unknown model.
    """
    return dict({name: option.default for name, option in OPTIONS.items()},
                **get_recipe(model)._asdict())


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
        elif name == 'data_root':
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
    check_together(resolved, given)
    return resolved


def check_together(options, given):
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


def resolve_placement(arguments):
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


def check_machines(options, placement):
    """Raise OptionError if there are more machines than workers."""
    nodes = placement.place.nodes
    if options.workers < nodes:
        raise OptionError('workers', 'is %d, but there are %d machines, and each needs a worker',
                          options.workers, nodes)


def _device_text(ctx):
    """Return devices as text that `get_ctx` reads: [mx.cpu(0), mx.cpu(1)] -> 'cpu:0,1'."""
    try:
        devices = devices_of(ctx)
    except ValueError as error:
        raise OptionError('ctx', 'cannot be: %s', error)
    kinds = {ctx.device_type for ctx in devices}
    if len(kinds) > 1:
        raise OptionError('ctx', 'names devices of more than one kind: %s', devices)
    return '%s:%s' % (kinds.pop(), ','.join(str(ctx.device_id) for ctx in devices))
