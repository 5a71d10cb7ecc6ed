"""What is asked of a run, checked, and what that comes to: every option has a value then."""
import os

import mxnet as mx
import numpy as np
from mxnet import nd

from ..data.datasets import OF_PICTURES, dataset_name, get_dataset
from ..devices import devices_of
from ..distributed.place import find_place
from ..models.registry import get_recipe
from .options import OPTIONS, STARTING, OptionError

PLACE = ('nodes', 'node_rank', 'master', 'interface')


def default_options(model):
    """A dict of what each option is in a run of `model` where nothing is asked; None is open still.

    Raises as `get_recipe` does for a model that is not known.
    """
    return dict({name: option.default for name, option in OPTIONS.items()},
                **get_recipe(model)._asdict())


def resolve_options(model, asked):
    """A dict of every option of a run of `model`, by name, from those that were `asked`.

    What is missing or None is the recipe's or the book's; the seed is drawn; `ctx` becomes a list
    of `mx.Context`, and `data_root` an absolute path. Beside the options it has model.

    Raises OptionError, a ValueError, for what does not exist or is out of range, ValueError for an
    unknown model, TypeError for an unknown option.
    """
    defaults = default_options(model)
    options = dict(defaults, **normalize(asked))
    if options['seed'] is None:
        options['seed'] = int(np.random.randint(2 ** 31 - 1))
    if options['ctx'] is None:
        options['ctx'] = devices_of(None)
    return check_options(dict(options, model=model))


def normalize(asked):
    """What was `asked`, without what is None, each value as a run keeps it.

    Raises TypeError for an unknown option, OptionError for a device or a value that cannot be.
    """
    unknown = sorted(set(asked) - set(OPTIONS) - set(STARTING))
    if unknown:
        raise TypeError('there is no option %s; the options are: %s'
                        % (', '.join(unknown), ', '.join([*OPTIONS, *STARTING])))
    given = {name: value for name, value in asked.items()
             if value is not None and name in OPTIONS}
    if 'lr_decay_epochs' in given and isinstance(given['lr_decay_epochs'], tuple):
        given['lr_decay_epochs'] = list(given['lr_decay_epochs'])
    if 'dataset' in given:
        given['dataset'] = dataset_name(given['dataset'])
    for name, value in given.items():
        if name != 'ctx':
            given[name] = os.path.abspath(os.path.expanduser(os.fspath(value))) if (
                name == 'data_root') else value
            OPTIONS[name].check(given[name])
    if 'ctx' in given:
        try:
            given['ctx'] = devices_of(given['ctx'])
        except ValueError as error:
            raise OptionError('ctx', 'cannot be: %s' % error)
    return given


def starting_options(asked):
    """A dict of every option of STARTING, from those among `asked`; OptionError as for others.

    Beside them `place`, a `Place`: of several machines only where several workers are meant.
    """
    found = {name: option.default if asked.get(name) is None else asked[name]
             for name, option in STARTING.items()}
    for name, value in found.items():
        STARTING[name].check(value)
    several = (asked.get('workers') or 1) > 1 or found['nodes']
    try:
        found['place'] = find_place(*(found[name] for name in PLACE), **(
            {} if several else {'environment': {}}))
    except ValueError as error:
        name, _, message = str(error).partition(' ')
        raise OptionError(name, message)
    return found


def check_options(options):
    """The `options`, if their values go together; OptionError if not."""
    kinds = {ctx.device_type for ctx in options['ctx']}
    if len(kinds) > 1:
        raise OptionError('ctx', 'names devices of more than one kind: %s' % options['ctx'])
    dataset = get_dataset(options['dataset'])
    if options['data_root'] is not None and not dataset.takes_root:
        raise OptionError('data_root', 'is %r, but the data set %s has no files'
                          % (options['data_root'], dataset.name))
    if options['norm_stats_every'] is not None and not options['norm_stats']:
        raise OptionError('norm_stats_every', 'is %d, but goes with norm_stats only, which is off'
                          % options['norm_stats_every'])
    if options['test_share'] is not None and not dataset.name.startswith(OF_PICTURES):
        raise OptionError('test_share', 'is %r, but the data set %s has its test images already'
                          % (options['test_share'], dataset.name))
    if options['workers'] > options['batch_size']:
        raise OptionError('workers', 'is %d, but a step has %d images: with fewer, each has one'
                          % (options['workers'], options['batch_size']))
    if options['workers'] > 1 and options['optimizer'] == 'sgld':
        raise OptionError('workers', 'is %d, but the optimizer sgld draws numbers, of which each '
                          'worker would draw others: their weights would not be the same'
                          % options['workers'])
    if options['merge_norms'] != 'mean' and options['workers'] == 1:
        raise OptionError('merge_norms', 'is %r, but goes with several workers only'
                          % options['merge_norms'])
    if options['dtype'] == 'float16':
        _check_float16(options['ctx'])
    return options


def _check_float16(devices):
    if devices[0].device_type == 'cpu':
        raise OptionError('dtype', 'is float16, which needs a GPU: on a CPU MXNet has no matrix '
                                   'product in float16')
    for ctx in devices:
        try:
            X = nd.ones((8, 8), ctx=ctx, dtype='float16')
            nd.dot(X, X).wait_to_read()
        except mx.base.MXNetError as error:
            raise OptionError('dtype', 'is float16, in which %s does not compute: %s'
                              % (ctx, str(error).strip().splitlines()[-1]))
