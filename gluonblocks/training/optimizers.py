"""The optimizer of a run, from its options, and SGD by our operator."""
import inspect

import mxnet as mx
import numpy as np
from mxnet import gluon

from ..checks import Name, OptionError
from ..graphs.operators import available
from ..graphs.sgd import sgd_update

# Those whose whole state a checkpoint holds; without adamax, which divides 0 by 0 in MXNet where a
# gradient is 0.
OPTIMIZERS = ('adadelta', 'adagrad', 'adam', 'dcasgd', 'ftml', 'ftrl', 'lamb', 'lars',
              'nadam', 'nag', 'rmsprop', 'sgd', 'sgld', 'signum')

MIN_SIZE = 1 << 18  # numbers in several arrays from which on our operator is faster


class SGD(mx.optimizer.SGD):
    """`mx.optimizer.SGD`: its arguments, its numbers to the last bit, in less time on a CPU.

        trainer = gluon.Trainer(net.collect_params(), gb.training.SGD(learning_rate=0.1))

    Our operator works on float32 weights on a CPU, unless there are few of them, gradients are
    clipped or arrays sparse: those are left to MXNet's. Calls private methods of MXNet's
    optimizers, as its own do; tried on MXNet 1.9, which the operators need.
    """

    def update_multi_precision(self, index, weight, grad, state):
        """A step of several parameters, given as lists, or of one."""
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
    """Raise OptionError unless `momentum` is None or the optimizer of this name has a momentum."""
    taken = inspect.signature(mx.optimizer.Optimizer.opt_registry[optimizer].__init__).parameters
    if momentum is not None and 'momentum' not in taken:
        raise OptionError('momentum', 'is %g, but the %s %s has none', momentum, Name('optimizer'),
                          optimizer)


def make_trainer(net, ctx, options, schedule=None, kind=gluon.Trainer):
    """A `gluon.Trainer`, or one made by `kind`, of the parameters of `net`, on the device or
    devices `ctx`.

    `options` is a dict with optimizer, one of `OPTIMIZERS`, lr, momentum, weight_decay (None: the
    optimizer's own) and dtype. Raises as `check_momentum` does.
    """
    name = options['optimizer']
    check_momentum(name, options['momentum'])
    given = {'learning_rate': options['lr'], 'momentum': options['momentum'],
             'wd': options['weight_decay'], 'lr_scheduler': schedule,
             'multi_precision': True if options['dtype'] == 'float16' else None}
    given = {key: value for key, value in given.items() if value is not None}
    optimizer = SGD(**given) if name == 'sgd' else mx.optimizer.create(name, **given)
    # On several devices each updates its own copy: the states are then where they can be saved.
    several = {'update_on_kvstore': False} if isinstance(ctx, list) else {}
    # A list: the Trainer sorts a dict by name, so `batchnorm10` would precede `batchnorm9`, and an
    # optimizer that draws noise would hand it to other parameters.
    return kind(list(net.collect_params().values()), optimizer, **several)
