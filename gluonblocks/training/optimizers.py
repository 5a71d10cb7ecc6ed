"""A faster SGD, and functions that create the optimizer and Trainer of a run."""
import inspect
import itertools

import mxnet as mx
import numpy as np
from mxnet import gluon, nd

from ..checks import Name, OptionError

# Optimizers whose complete state a checkpoint can save. adamax is missing because MXNet's version
# computes 0 / 0 if a gradient is 0.
OPTIMIZERS = ('adadelta', 'adagrad', 'adam', 'dcasgd', 'ftml', 'ftrl', 'lamb', 'lars',
              'nadam', 'nag', 'rmsprop', 'sgd', 'sgld', 'signum')

MAX_ARRAYS = 60  # limit of MXNet's multi-array operators
LARGE = 1 << 15  # arrays with this many weights or more are updated faster one at a time


class SGD(mx.optimizer.SGD):
    """A faster `mx.optimizer.SGD`, with the same arguments and the same results up to rounding.

        trainer = gluon.Trainer(net.collect_params(), gb.training.SGD(learning_rate=0.1))

    MXNet updates four arrays at a time with its multi-array operator. For small arrays, the call
    takes longer than the update, so this class updates up to `MAX_ARRAYS` small arrays per call.
    Large arrays are updated one at a time, because the multi-array operator is slow on them.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.aggregate_num = MAX_ARRAYS
        self._kinds = {}  # index of a float32 parameter -> 'small', 'large' or 'other'

    def update_multi_precision(self, index, weight, grad, state):
        """Update one parameter, or several if the arguments are lists."""
        if not isinstance(weight, (list, tuple)) or weight[0].dtype != np.float32:
            super().update_multi_precision(index, weight, grad, state)
            return
        items = {'small': [], 'large': [], 'other': []}
        for item in zip(index, weight, grad, state):
            if item[0] not in self._kinds:
                self._kinds[item[0]] = _kind(*item[1:3])
            items[self._kinds[item[0]]].append(item)
        for item in items['other']:
            super().update_multi_precision(*([value] for value in item))
        if items['large'] or items['small']:
            self._update(items['large'], items['small'])

    def _update(self, large, small):
        self._update_count([item[0] for item in large + small])
        has_velocity = self.momentum > 0
        options = {'rescale_grad': self.rescale_grad, 'clip_gradient': self.clip_gradient or -1}
        if has_velocity:
            options['momentum'] = self.momentum
        for i, *arrays in large:
            update = nd.sgd_mom_update if has_velocity else nd.sgd_update
            update(*arrays[:2 + has_velocity], out=arrays[0], lr=self._get_lr(i),
                   wd=self._get_wd(i), **options)
        if small:
            index, weights, *others = zip(*small)
            update = nd.multi_sgd_mom_update if has_velocity else nd.multi_sgd_update
            update(*itertools.chain(*zip(weights, *others[:1 + has_velocity])), out=weights,
                   num_weights=len(weights), lrs=self._get_lrs(index), wds=self._get_wds(index),
                   **options)


def _kind(weight, grad):
    if weight.stype != 'default' or grad.stype != 'default':
        return 'other'
    return 'large' if weight.size >= LARGE else 'small'


def check_momentum(optimizer, momentum):
    """Raise OptionError if `momentum` is not None and the optimizer does not support it."""
    factory = mx.optimizer.Optimizer.opt_registry[optimizer]
    if momentum is not None and 'momentum' not in inspect.signature(factory.__init__).parameters:
        raise OptionError('momentum', 'cannot be used with %s %s, which has no momentum parameter',
                          Name('optimizer'), optimizer)


def make_trainer(net, ctx, options, schedule=None, kind=gluon.Trainer):
    """Return a trainer, an instance of `kind`, for the parameters of `net` on `ctx`.

    `options` is a dict with the keys optimizer (one of `OPTIMIZERS`), lr, momentum, weight_decay
    and dtype. If momentum or weight_decay is None, the optimizer uses its default. Raises the same
    errors as `check_momentum`.
    """
    name = options['optimizer']
    check_momentum(name, options['momentum'])
    settings = {'learning_rate': options['lr'], 'momentum': options['momentum'],
                'wd': options['weight_decay'], 'lr_scheduler': schedule,
                'multi_precision': True if options['dtype'] == 'float16' else None}
    settings = {key: value for key, value in settings.items() if value is not None}
    optimizer = SGD(**settings) if name == 'sgd' else mx.optimizer.create(name, **settings)
    # With several devices, update weights on the devices, not in a kvstore, so that a checkpoint
    # can read the optimizer states.
    on_devices = {'update_on_kvstore': False} if isinstance(ctx, list) else {}
    # Pass a list, because the Trainer would sort a dict by name, `batchnorm10` before `batchnorm9`.
    # These numbers count all layers created in the process, so the order, and thus the noise that
    # some optimizers draw for each parameter, would depend on which nets were created before.
    return kind(list(net.collect_params().values()), optimizer, **on_devices)
