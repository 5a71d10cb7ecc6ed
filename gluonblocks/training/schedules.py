"""The learning rate's schedule of a run, from its options. D2L 11.11."""
from math import cos, pi

from mxnet.lr_scheduler import LRScheduler

from ..checks import Name, OptionError

SCHEDULES = ('constant', 'step', 'cosine')


def make_schedule(options, num_epochs, num_batches):
    """The `Schedule` of a run for its Trainer, or None for the book's constant rate.

    `options` is a dict with lr, lr_schedule, one of `SCHEDULES`, warmup_epochs, over which the
    rate rises evenly from 0 to lr, and, for 'step', lr_decay, the factor, and lr_decay_epochs,
    after each of which it applies; 'cosine' falls to 0 at the last step. An epoch has `num_batches`
    steps. Raises OptionError, a ValueError, for options that do not go together.
    """
    mode, warmup = options['lr_schedule'], options['warmup_epochs'] or 0
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
    return Schedule(options['lr'], warmup * num_batches,
                    num_epochs * num_batches if mode == 'cosine' else None, options['lr_decay'],
                    [milestone * num_batches for milestone in milestones])


class Schedule(LRScheduler):
    """A rate that depends on the step alone: `lr`, to which it rises in the first `warmup_steps`,
    times half a cosine down to 0 at `last_step`, or, if that is None, times `factor` after each of
    the steps `milestones`.

    MXNet's own MultiFactorScheduler and CosineScheduler give the same rates to a caller who asks
    for step after step. But they keep the last rate in `base_lr`: an earlier step then gets a later
    one's rate, and so does a new optimizer. A resumed run asks for steps in any order.
    """

    def __init__(self, lr, warmup_steps, last_step, factor, milestones):
        super().__init__(lr, warmup_steps)
        self._last_step, self._factor, self._milestones = last_step, factor, milestones

    def __call__(self, num_update):
        if num_update < self.warmup_steps:
            return self.get_warmup_lr(num_update)
        if self._last_step is None:
            return self.base_lr * self._factor ** sum(
                milestone < num_update for milestone in self._milestones)
        if num_update >= self._last_step:
            return 0.0
        return self.base_lr * ((1 + cos(pi * (num_update - self.warmup_steps) / (
            self._last_step - self.warmup_steps))) / 2)
