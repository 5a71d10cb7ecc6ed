"""The optimizer of a run, from its options."""
import inspect

import mxnet as mx
from mxnet import gluon

from ..checks import Name, OptionError
from .sgd import SGD

# Those whose whole state a checkpoint holds; without adamax, which divides 0 by 0 in MXNet where a
# gradient is 0.
OPTIMIZERS = ('adadelta', 'adagrad', 'adam', 'dcasgd', 'ftml', 'ftrl', 'lamb', 'lars',
              'nadam', 'nag', 'rmsprop', 'sgd', 'sgld', 'signum')


def check_momentum(optimizer, momentum):
    """Raise OptionError unless `momentum` is None or the optimizer of this name has a momentum."""
    taken = inspect.signature(mx.optimizer.Optimizer.opt_registry[optimizer].__init__).parameters
    if momentum is not None and 'momentum' not in taken:
        raise OptionError('momentum', 'is %g, but the %s %s has none', momentum, Name('optimizer'),
                          optimizer)


def make_trainer(net, ctx, options, schedule=None, kind=gluon.Trainer):
    """A `gluon.Trainer`, or one made by `kind`, of the parameters of `net`, on the device or
    devices `ctx`.

    `options` is a dict with optimizer, lr, momentum, weight_decay (None: the optimizer's own) and
    dtype. Raises ValueError for an unknown optimizer, and as `check_momentum` does.
    """
    name = options['optimizer']
    if name not in OPTIMIZERS:
        raise ValueError('there is no optimizer %r; the optimizers are: %s'
                         % (name, ', '.join(OPTIMIZERS)))
    given = {'learning_rate': options['lr'], 'momentum': options['momentum'],
             'wd': options['weight_decay'], 'lr_scheduler': schedule,
             'multi_precision': True if options['dtype'] == 'float16' else None}
    given = {key: value for key, value in given.items() if value is not None}
    check_momentum(name, options['momentum'])
    optimizer = SGD(**given) if name == 'sgd' else mx.optimizer.create(name, **given)
    # On several devices each updates its own copy: the states are then where they can be saved.
    several = {'update_on_kvstore': False} if isinstance(ctx, list) else {}
    return kind(net.collect_params(), optimizer, **several)
