"""The learning rate's schedule of a run, from its options."""
SCHEDULES = ('constant', 'step', 'cosine')


def make_schedule(options, num_epochs, num_batches):
    """The learning rate by the number of the step, from 1: GluonCV's schedule, or None.

    `options` is a dict with lr, lr_schedule, one of `SCHEDULES`, warmup_epochs, over which the
    rate rises from 0, and, for steps, lr_decay, the factor, and lr_decay_epochs, after which it
    applies. Constant without warm-up, the book's, is None and needs no GluonCV.

    Raises ValueError for options that do not go together, ImportError where GluonCV is missing.
    """
    mode, warmup = options['lr_schedule'], options['warmup_epochs'] or 0
    if mode not in SCHEDULES:
        raise ValueError('there is no schedule %r; the schedules are: %s'
                         % (mode, ', '.join(SCHEDULES)))
    milestones = options['lr_decay_epochs'] or []
    if (mode == 'step') != bool(milestones):
        raise ValueError('--lr-schedule step goes with --lr-decay-epochs, as 30,60, which says '
                         'when, and that with it')
    if warmup and warmup >= num_epochs:
        raise ValueError('%d epochs of warm-up leave none of the %d for the schedule'
                         % (warmup, num_epochs))
    if any(milestone <= warmup for milestone in milestones):
        raise ValueError('--lr-decay-epochs must come after the %d of warm-up' % warmup)
    if mode == 'constant' and not warmup:
        return None
    if num_batches < 2:
        raise ValueError('a schedule needs at least 2 batches in an epoch')
    LRScheduler, LRSequential = _gluoncv_schedulers()
    parts = [LRScheduler('linear', base_lr=0, target_lr=options['lr'], nepochs=warmup,
                         iters_per_epoch=num_batches)] if warmup else []
    steps = {'step_epoch': [milestone - warmup for milestone in milestones],
             'step_factor': options['lr_decay']} if mode == 'step' else {}
    parts.append(LRScheduler(mode, base_lr=options['lr'], nepochs=num_epochs - warmup,
                             iters_per_epoch=num_batches, **steps))
    return LRSequential(parts)


def _gluoncv_schedulers():
    try:
        from gluoncv.utils import LRScheduler, LRSequential
    except ModuleNotFoundError as error:
        if error.name != 'gluoncv':
            raise _broken(error)
        raise ImportError("learning-rate schedules are GluonCV's, which is not installed: "
                          'pip install gluoncv==0.10.5')
    except Exception as error:  # beside another PyTorch its import fails in more ways than one
        raise _broken(error)
    return LRScheduler, LRSequential


def _broken(error):
    return ImportError("learning-rate schedules are GluonCV's, which is installed but cannot be "
                       'imported: %s. It does not import beside PyTorch 2: use an environment '
                       'without torch' % error)
