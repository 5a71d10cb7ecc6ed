"""The learning rate's schedule of a run, from its options. D2L 11.11."""
from math import cos, pi

from mxnet.lr_scheduler import LRScheduler

from ..checks import Name, OptionError

SCHEDULES = ('constant', 'step', 'cosine')


def make_schedule(options, num_epochs, num_batches):
    """The learning rate by the number of the step, from 1, or None for the book's, constant one.

    `options` is a dict with lr, lr_schedule, one of `SCHEDULES`, warmup_epochs, over which the
    rate rises evenly from 0 to lr, and, for 'step', lr_decay, the factor, and lr_decay_epochs,
    after each of which it applies; 'cosine' falls to 0 at the last step. `num_batches` is the
    number of steps in an epoch.

    Returns an `mx.lr_scheduler.LRScheduler` for `gluon.Trainer`, which counts steps from 1 too.
    Raises OptionError, a ValueError, for options that do not go together.
    """
    mode, warmup = options['lr_schedule'], options['warmup_epochs'] or 0
    if mode not in SCHEDULES:
        raise ValueError('there is no schedule %r; the schedules are: %s'
                         % (mode, ', '.join(SCHEDULES)))
    milestones = options['lr_decay_epochs'] or []
    if mode == 'step' and not milestones:
        raise OptionError('lr_schedule', 'is %r, which needs %s, the epochs after which the rate '
                          'falls, such as 30 and 60', mode, Name('lr_decay_epochs'))
    if mode != 'step' and milestones:
        raise OptionError('lr_decay_epochs', "is for the %s 'step', not for %r",
                          Name('lr_schedule'), mode)
    if warmup and warmup >= num_epochs:
        raise OptionError('warmup_epochs', 'is %d, which leaves none of the %d %s for the schedule',
                          warmup, num_epochs, Name('epochs'))
    if any(milestone <= warmup for milestone in milestones):
        raise OptionError('lr_decay_epochs', 'is %s, but must come after the %d of %s',
                          milestones, warmup, Name('warmup_epochs'))
    if mode == 'constant' and not warmup:
        return None
    warmup_steps = warmup * num_batches
    if mode == 'cosine':
        return CosineSchedule(options['lr'], warmup_steps, num_epochs * num_batches)
    return StepSchedule(options['lr'], warmup_steps, options['lr_decay'],
                        [milestone * num_batches for milestone in milestones])


class _Schedule(LRScheduler):
    """A rate that depends on the step alone: `base_lr * share(step)`, once it is warm.

    MXNet's own MultiFactorScheduler and CosineScheduler give the same rates to a caller who asks
    for step after step. But they keep the last rate in `base_lr`: an earlier step then gets a later
    one's rate, and so does a new optimizer, which says that it overwrites it. A run that goes on
    from a checkpoint asks for steps in any order.
    """

    def __call__(self, num_update):
        if num_update < self.warmup_steps:
            return self.get_warmup_lr(num_update)
        return self.base_lr * self.share(num_update)

    def share(self, step):
        """What the rate of a step after the warm-up is divided by `base_lr`."""
        raise NotImplementedError


class StepSchedule(_Schedule):
    """The rate times `factor` after each of the steps `milestones`; constant without any."""

    def __init__(self, lr, warmup_steps, factor, milestones):
        super().__init__(lr, warmup_steps)
        self._factor, self._milestones = factor, milestones

    def share(self, step):
        return self._factor ** sum(milestone < step for milestone in self._milestones)


class CosineSchedule(_Schedule):
    """Half a cosine, from the rate after the warm-up to 0 at `last_step` and ever after."""

    def __init__(self, lr, warmup_steps, last_step):
        super().__init__(lr, warmup_steps)
        self._last_step = last_step

    def share(self, step):
        if step >= self._last_step:
            return 0.0
        return (1 + cos(pi * (step - self.warmup_steps)
                        / (self._last_step - self.warmup_steps))) / 2
