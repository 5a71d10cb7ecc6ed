"""What a run was asked for -> everything it goes by: `resolve_options`."""
import math

import mxnet as mx
import numpy as np
from mxnet import nd

from ..checks import check_positive
from ..data.datasets import get_dataset
from ..devices import devices_of
from ..models.registry import get_recipe

# What is unset is as the book has it, which lets the optimizer choose where None stands.
FEATURES = {
    'optimizer': 'sgd', 'momentum': None, 'weight_decay': None, 'lr_schedule': 'constant',
    'warmup_epochs': 0, 'lr_decay': 0.1, 'lr_decay_epochs': None, 'label_smoothing': 0.0,
    'early_stop': None, 'stop_non_finite': False, 'dtype': 'float32'}
# The images of both data sets are of ten classes.
NUM_CLASSES = 10


def resolve_options(model, asked):
    """A dict of all that decides the numbers of a run, fit for JSON, from what was `asked`.

    `asked` is a dict of model, dataset, data_root, epochs, batch_size, lr, seed, ctx and the
    `FEATURES`; what is missing or None is the recipe's or the book's, and the seed is drawn.

    Raises ValueError for what does not exist or is out of range, TypeError for an unknown option.
    """
    recipe = get_recipe(model)
    asked = {name: value for name, value in asked.items() if value is not None}
    defaults = dict(FEATURES, dataset='fashion-mnist', data_root=None, epochs=recipe.num_epochs,
                    batch_size=recipe.batch_size, lr=recipe.lr, seed=None, ctx=None)
    unknown = set(asked) - set(defaults)
    if unknown:
        raise TypeError('there is no option %s; the options are: %s'
                        % (', '.join(sorted(unknown)), ', '.join(sorted(defaults))))
    options = dict(defaults, **asked)
    get_dataset(options['dataset'])
    if options['seed'] is None:
        options['seed'] = int(np.random.randint(2 ** 31 - 1))
    devices = devices_of(options['ctx'])
    kinds = {ctx.device_type for ctx in devices}
    if len(kinds) > 1:
        raise ValueError('the devices are of more than one kind: %s' % devices)
    options['ctx'] = '%s:%s' % (kinds.pop(), ','.join(str(ctx.device_id) for ctx in devices))
    _check_ranges(options, len(devices))
    _check_dtype(options['dtype'], devices)
    return dict(options, model=model, resize=recipe.resize, num_classes=NUM_CLASSES)


def _check_ranges(options, num_devices):
    check_positive('batch_size', options['batch_size'])
    if options['batch_size'] < num_devices:
        raise ValueError('a batch of %d cannot be split over %d devices'
                         % (options['batch_size'], num_devices))
    if options['early_stop'] is not None:
        check_positive('early_stop', options['early_stop'])
    for milestone in options['lr_decay_epochs'] or []:
        check_positive('each of lr_decay_epochs', milestone)
    for name, low, high in [('epochs', 0, math.inf), ('warmup_epochs', 0, math.inf),
                            ('momentum', 0, 1), ('weight_decay', 0, math.inf),
                            ('label_smoothing', 0, 1), ('lr_decay', 0, math.inf)]:
        value = options[name]
        if value is not None and not low <= value < high:
            raise ValueError('%s is %r, but must be at least %g and below %g'
                             % (name, value, low, high))


def _check_dtype(dtype, devices):
    if dtype not in ('float32', 'float16'):
        raise ValueError("dtype is %r, but must be 'float32' or 'float16'" % (dtype,))
    if dtype == 'float32':
        return
    if devices[0].device_type == 'cpu':
        raise ValueError('float16 needs a GPU: on a CPU MXNet has no matrix product in float16')
    for ctx in devices:
        try:
            X = nd.ones((8, 8), ctx=ctx, dtype='float16')
            nd.dot(X, X).wait_to_read()
        except mx.base.MXNetError as error:
            raise ValueError('%s does not compute in float16: %s'
                             % (ctx, str(error).strip().splitlines()[-1]))
