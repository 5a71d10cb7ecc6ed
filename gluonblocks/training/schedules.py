"""Learning rate schedules, as in D2L, section 11.11."""
from math import cos, pi

from mxnet.lr_scheduler import LRScheduler

from ..checks import Name, OptionError

SCHEDULES = ('constant', 'step', 'cosine')


def make_schedule(options, num_epochs, num_batches):
    """Return the learning rate `Schedule` of a run, or None for the book's constant rate.

    `options` is a dict with the keys lr, lr_schedule (one of `SCHEDULES`), warmup_epochs, lr_decay
    and lr_decay_epochs. The rate rises linearly from 0 to lr during the warm-up epochs. Then 'step'
    multiplies it by lr_decay after each of the lr_decay_epochs, and 'cosine' lowers it to 0 at the
    last step. An epoch has `num_batches` steps. Raises OptionError if options conflict.
    """
    mode, warmup = options['lr_schedule'], options['warmup_epochs'] or 0
    milestones = options['lr_decay_epochs'] or []
    if mode == 'step' and not milestones:
        raise OptionError('lr_schedule', '%r requires %s, the epochs after which the learning '
                          'rate drops, such as 30 and 60', mode, Name('lr_decay_epochs'))
    if mode != 'step' and milestones:
        raise OptionError('lr_decay_epochs', "requires %s to be 'step', got %r",
                          Name('lr_schedule'), mode)
    if warmup and warmup >= num_epochs:
        raise OptionError('warmup_epochs', 'must be less than %s (%d), got %d', Name('epochs'),
                          num_epochs, warmup)
    if any(milestone <= warmup for milestone in milestones):
        raise OptionError('lr_decay_epochs', 'must be greater than %s (%d), got %s',
                          Name('warmup_epochs'), warmup, milestones)
    if mode == 'constant' and not warmup:
        return None
    return Schedule(options['lr'], warmup * num_batches,
                    num_epochs * num_batches if mode == 'cosine' else None, options['lr_decay'],
                    [milestone * num_batches for milestone in milestones])


class Schedule(LRScheduler):
    """A learning rate that depends only on the step.

    The rate rises to `lr` in the first `warmup_steps`. It then follows half a cosine wave down to 0
    at `last_step` or, if `last_step` is None, is multiplied by `factor` after each of the steps in
    `milestones`.

    MXNet's MultiFactorScheduler and CosineScheduler return the same rates if called with steps in
    order. However, they store the last rate in `base_lr`, so an earlier step, or a new optimizer,
    would get the rate of a later step. A resumed run needs rates that depend only on the step.
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
