"""A model trained by its options, with or without a folder that keeps the run."""
from ..checks import Name, OptionError
from ..models.registry import name_of
from .config import read_config
from .folder import check_new, lock_folder
from .options import OPTIONS, PLACEMENT, RunOptions
from .process import train_by
from .provenance import check_same, recall
from .resolve import (
    check_given,
    check_machines,
    check_together,
    resolve_options,
    resolve_placement,
)
from .together import follow_first, train_together


def train_model(model, out=None, *, epochs=None, batch_size=None, lr=None, ctx=None, seed=None,
                dataset=None, data_root=None, test_share=None, resize=None, checkpoint_every=None,
                tensorboard=None, norm_stats=None, norm_stats_every=None, optimizer=None,
                momentum=None, weight_decay=None, lr_schedule=None, lr_decay_epochs=None,
                lr_decay=None, warmup_epochs=None, label_smoothing=None, augment=None,
                early_stop=None, stop_non_finite=None, dtype=None, workers=None, nodes=None,
                node_rank=None, master=None, interface=None, servers=None, start_timeout=None,
                stall_timeout=None, change_workers=None):
    """Train the model named `model` and print the book's lines.

    Returns (net, history): an `EpochRecord` for each epoch.

    `model` may also be a function, such as `get_model` imports by 'my_module:my_net'. The options
    are those of `RunOptions` and `Placement`, listed with their defaults in docs/runs.md. None
    stands for the default. `ctx` may also be an mx.Context, or a list of them.

    Progress goes to stderr. Ctrl-C and SIGTERM raise Interrupted, a KeyboardInterrupt, between two
    batches.

    `out` is a new folder that keeps the run: config.json, history.csv, history.jsonl, times.csv,
    curves.png, the checkpoints last, previous and best, and the final weights; with `norm_stats`
    norms.csv too. `resume_run` continues it.

    Several `workers` are processes that train one net: each computes its shard of each batch. Rank
    0 prints the lines and keeps the folder. If one fails, all end.

    Raises ValueError for an unknown model; OptionError, a ValueError, for an option that cannot
    be; NonFiniteLoss with `stop_non_finite`; and OSError for data that are missing or damaged
    (DataError), for files that cannot be written, and for a worker that fails (WorkerError).
    """
    arguments = dict(locals())
    given, placement = check_given(arguments), resolve_placement(arguments)
    if placement.change_workers:
        raise OptionError('change_workers', 'is for a run that is resumed, but this one starts')
    if workers is None and placement.place.nodes > 1:
        given['workers'] = placement.place.nodes
    options = resolve_options(model, given, in_folder=out is not None)
    asked, everywhere = sorted(given), dict(given, model=options.model)
    if placement.place.node_rank:  # the folder is on the first machine
        return follow_first(placement, everywhere)
    check_machines(options, placement)
    if out is not None:
        check_new(out)
    if options.workers > 1:
        return train_together(options, placement, everywhere, out, asked)
    return train_by(options, out, asked)


def resume_run(folder, model=None, **options):
    """Continue the run in `folder` from its last checkpoint; return as `train_model` does.

    `options` are those of `train_model`. On a CPU the history, weights and printed lines are, bit
    for bit, those of a run that never stopped. Options marked so in docs/runs.md may differ from
    before. The others, and `model`, are only compared.

    Raises ValueError, with each difference, if it cannot be continued exactly, and if `folder` is
    not a run or is in use; TypeError for an unknown option; otherwise as `train_model`.
    """
    unknown = sorted(set(options) - {*OPTIONS, *PLACEMENT})
    if unknown:
        raise TypeError('a run has no option named %s' % ', '.join(unknown))
    given, placement = check_given(options), resolve_placement(options)
    everywhere = dict(given, **({} if model is None else {'model': name_of(model)}))
    if placement.place.node_rank:
        return follow_first(placement, everywhere, resume=True)
    before = read_config(folder)
    with lock_folder(folder):
        check_same(folder, before, everywhere)
        recall(folder, before)
        now = RunOptions(before['model'], **{name: given.get(name, before[name])
                                             for name in OPTIONS})
        check_together(now, given)
        _check_changes(now, before, placement)
        check_machines(now, placement)
        if now.workers == 1:
            return train_by(now, folder, before['asked'], before)
    return train_together(now, placement, everywhere, folder, before['asked'], before)


def _check_changes(options, before, placement):
    """Raise OptionError if a changed option would change values computed before, or from here."""
    if options.lr_schedule == 'cosine' and options.epochs != before['epochs']:
        raise OptionError('epochs', 'is %d, over which the schedule cosine is not what it was over '
                          '%d', options.epochs, before['epochs'])
    if options.workers != before['workers'] and not placement.change_workers:
        raise OptionError('workers', 'is %d, but the run has %d, and with another number its '
                          'values differ from here on; %s allows it', options.workers,
                          before['workers'], Name('change_workers'))
