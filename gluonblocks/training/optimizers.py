"""Optimizers of a run, and an SGD that uses our C++ operator."""
import inspect

import mxnet as mx
import numpy as np
from mxnet import gluon

from ..checks import Name, OptionError
from ..graphs.operators import available
from ..graphs.sgd import sgd_update

# Optimizers whose complete state a checkpoint can save. adamax is missing, because in MXNet it
# computes 0 / 0 if a gradient is 0.
OPTIMIZERS = ('adadelta', 'adagrad', 'adam', 'dcasgd', 'ftml', 'ftrl', 'lamb', 'lars',
              'nadam', 'nag', 'rmsprop', 'sgd', 'sgld', 'signum')

MIN_SIZE = 1 << 18  # total number of weights from which our operator is faster


class SGD(mx.optimizer.SGD):
    """A faster `mx.optimizer.SGD` for CPUs, with the same arguments and bit-identical results.

        trainer = gluon.Trainer(net.collect_params(), gb.training.SGD(learning_rate=0.1))

    Our operator updates float32 weights on a CPU. MXNet's operator is used for small nets, clipped
    gradients and sparse arrays. This class calls private methods of MXNet's optimizers; tested with
    MXNet 1.9, which the C++ operators need.
    """

    def update_multi_precision(self, index, weight, grad, state):
        """Update one parameter, or several given as lists."""
        if not self._is_ours(weight, grad):
            super().update_multi_precision(index, weight, grad, state)
            return
        self._update_count(index)
        sgd_update(weight, grad, state if self.momentum else None, self.rescale_grad, self.momentum,
                   self._get_lrs(index), self._get_wds(index))

    def _is_ours(self, weights, grads):
        return (isinstance(weights, (list, tuple)) and self.momentum >= 0 and not self.clip_gradient
                and weights[0].dtype == np.float32 and weights[0].context.device_type == 'cpu'
                and all(array.stype == 'default' for array in (*weights, *grads))
                and sum(array.size for array in weights) >= MIN_SIZE and available())


def check_momentum(optimizer, momentum):
    """Raise OptionError if `momentum` is not None and the optimizer does not support it."""
    factory = mx.optimizer.Optimizer.opt_registry[optimizer]
    if momentum is not None and 'momentum' not in inspect.signature(factory.__init__).parameters:
        raise OptionError('momentum', 'cannot be used with the %s %s, which has no momentum',
                          Name('optimizer'), optimizer)


def make_trainer(net, ctx, options, schedule=None, kind=gluon.Trainer):
    """Return a `gluon.Trainer`, or an instance of `kind`, for the parameters of `net` on `ctx`.

    `options` is a dict with optimizer, one of `OPTIMIZERS`, lr, momentum, weight_decay (None: the
    default of the optimizer) and dtype. Raises the errors of `check_momentum`.
    """
    name = options['optimizer']
    check_momentum(name, options['momentum'])
    given = {'learning_rate': options['lr'], 'momentum': options['momentum'],
             'wd': options['weight_decay'], 'lr_scheduler': schedule,
             'multi_precision': True if options['dtype'] == 'float16' else None}
    given = {key: value for key, value in given.items() if value is not None}
    optimizer = SGD(**given) if name == 'sgd' else mx.optimizer.create(name, **given)
    # Each of several devices updates its own copy, so that a checkpoint can read the states.
    several = {'update_on_kvstore': False} if isinstance(ctx, list) else {}
    # Pass a list: the Trainer sorts a dict by name, with `batchnorm10` before `batchnorm9`, so an
    # optimizer that draws noise would add it to other parameters.
    return kind(list(net.collect_params().values()), optimizer, **several)
