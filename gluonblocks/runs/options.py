"""The options of a run, each declared once: its type, default, range, and help.

The command line, `train_model`, config.json and the check of a resumed run all read `OPTIONS`.
"""
import math
from typing import Any, Callable, NamedTuple, Optional, Sequence

import numpy as np

from ..data.augment import KINDS
from ..data.datasets import is_dataset_name, list_datasets
from ..distributed.workers import MERGES
from ..training.optimizers import OPTIMIZERS
from ..training.schedules import SCHEDULES

FLOAT32_MAX = float(np.finfo('float32').max)


class OptionError(ValueError):
    """An option has a value that it cannot have; `option` is its name."""

    def __init__(self, option, message):
        super().__init__('%s %s' % (option, message))
        self.option, self.message = option, message


class Option(NamedTuple):
    """One option of a run.

    `kind` is int, float, bool or str, or list for whole numbers. A number is at least `least`, or
    above `above`, and below `below`; a string is one of `choices()`, or `also(string)`
    is true, which `also_words` tell. `default` is what counts where
    nothing is asked; None leaves it to `unset`, in words. `may_change` says whether a run that is
    resumed may have another value: only what leaves the numbers up to there as they are.
    """

    name: str
    kind: type
    help: str
    metavar: str = ''
    default: Any = None
    unset: str = ''
    least: float = -math.inf
    above: float = -math.inf
    below: float = math.inf
    choices: Optional[Callable[[], Sequence[str]]] = None
    also: Optional[Callable[[str], bool]] = None
    also_words: str = ''
    may_change: bool = False
    group: str = ''

    def check(self, value):
        """OptionError unless `value`, None where that is the default, is of the kind and range."""
        if value is None and self.default is None:
            return
        if self.kind is list:
            if not isinstance(value, list) or not value:
                raise OptionError(self.name, 'is %r, but must be a list of whole numbers'
                                  % (value,))
            for number in value:
                self._check_number(number, int)
        elif self.kind in (int, float):
            self._check_number(value, self.kind)
        elif not isinstance(value, self.kind):
            raise OptionError(self.name, 'is %r, but must be %s' % (
                value, 'true or false' if self.kind is bool else 'a string'))
        elif self.choices and value not in self.choices() and not (
                self.also and self.also(str(value))):
            raise OptionError(self.name, 'is %r, but must be one of %s'
                              % (value, self.described_choices()))

    def described_choices(self):
        """What a string of this option may be, in words."""
        return ', '.join(self.choices()) + self.also_words

    def _check_number(self, value, kind):
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not (whole or kind is float and isinstance(value, (float, np.floating))):
            raise OptionError(self.name, 'is %r, but must be a %s' % (
                value, 'whole number' if kind is int else 'number'))
        if not (value >= self.least and value > self.above and value < self.below):
            low = 'at least %g' % self.least if self.least > -math.inf else 'above %g' % self.above
            high = '' if self.below == math.inf else ' and below %.10g' % self.below
            raise OptionError(self.name, 'is %r, but must be %s%s' % (value, low, high))


# The groups of those that a plain training has not.
FOLDER, FEATURE, MACHINES = 'folder', 'feature', 'machines'

OPTIONS = {option.name: option for option in [
    Option('epochs', int, 'how many times over the training images', 'N', unset="the model's",
           least=1, may_change=True),
    Option('batch_size', int, 'images a step', 'N', unset="the model's", least=1),
    Option('lr', float, 'learning rate', 'RATE', unset="the model's", above=0, below=FLOAT32_MAX),
    Option('ctx', str, 'cpu, gpu, gpu:1, ..., and several as gpu:0,1, which share each batch',
           'DEVICE', unset='the first GPU, or else the CPU'),
    Option('seed', int, 'same seed, same numbers (on the same machine and thread count)', 'N',
           unset='drawn, and told', least=0, below=2 ** 31),
    Option('dataset', str, 'the images', 'NAME', default='fashion-mnist', choices=list_datasets,
           also=is_dataset_name, also_words=', or folder:PATH for the pictures in that folder, or '
           'my_module:load for a function that Python can import'),
    Option('data_root', str, 'where the files of the data set are or shall be', 'FOLDER',
           unset='found, or else fetched into ~/.mxnet/datasets', may_change=True),
    Option('test_share', float, 'share of the pictures of a folder without train and test that is '
           'kept for the test', 'SHARE', unset='none', above=0, below=1),
    Option('resize', int, 'side of the squares that images are resized to', 'PIXELS',
           unset="the model's, or else images stay as they are; pictures of several sizes are "
                 'fitted into 64', least=1, below=4097),
    Option('checkpoint_every', int, 'steps from one checkpoint to the next, within an epoch too',
           'STEPS', unset="after the first step and at each epoch's end", least=1,
           may_change=True, group=FOLDER),
    Option('tensorboard', bool, 'write TensorBoard events too (needs tensorboardX)',
           default=False, may_change=True, group=FOLDER),
    Option('norm_stats', bool, "write the batch normalization layers' numbers at each epoch into "
           'norms.csv', default=False, may_change=True, group=FOLDER),
    Option('norm_stats_every', int, 'with norm_stats: at each so many steps too', 'STEPS',
           unset='at epochs only', least=1, may_change=True, group=FOLDER),
    Option('optimizer', str, 'how the weights move', 'NAME', default='sgd',
           choices=lambda: OPTIMIZERS, group=FEATURE),
    Option('momentum', float, 'share of the step before', 'SHARE', unset="the optimizer's",
           least=0, below=1, group=FEATURE),
    Option('weight_decay', float, 'pull of the weights to 0', 'FACTOR', unset="the optimizer's",
           least=0, below=FLOAT32_MAX, group=FEATURE),
    Option('lr_schedule', str, 'how the learning rate changes', 'NAME', default='constant',
           choices=lambda: SCHEDULES, group=FEATURE),
    Option('lr_decay_epochs', list, 'epochs after which the schedule step lowers the rate', 'N,N',
           unset='none', least=1, group=FEATURE),
    Option('lr_decay', float, 'the factor by which it does', 'FACTOR', default=0.1, above=0,
           below=FLOAT32_MAX, group=FEATURE),
    Option('warmup_epochs', int, 'epochs over which the rate rises from 0', 'N', default=0,
           least=0, group=FEATURE),
    Option('label_smoothing', float, 'share of a label that is spread over all classes', 'SHARE',
           default=0.0, least=0, below=1, group=FEATURE),
    Option('augment', str, 'change training images at random, anew in each epoch: mirrored, '
           'shifted by up to an eighth, or both', 'KIND', default='none', choices=lambda: KINDS,
           group=FEATURE),
    Option('early_stop', int, 'stop when the test accuracy has not risen for so many epochs',
           'EPOCHS', unset='never', least=1, group=FEATURE),
    Option('stop_non_finite', bool, 'stop at the first loss that is infinite or NaN, and at such a '
           'weight after an epoch; a run in a folder always does', default=False, may_change=True,
           group=FEATURE),
    Option('dtype', str, 'float16 needs a GPU', 'TYPE', default='float32',
           choices=lambda: ('float32', 'float16'), group=FEATURE),
    Option('workers', int, 'processes that share each batch, in all', 'N', default=1, least=1,
           below=1025, may_change=True, group=MACHINES),
    Option('merge_norms', str, "whose moving averages the net gets: the workers' mean, weighted by "
           "their images, or the first one's", 'HOW', default='mean', choices=lambda: MERGES,
           group=MACHINES)]}

# How the workers are started, which is no part of the run: it decides no number of it.
STARTING = {option.name: option for option in [
    Option('nodes', int, 'machines, on each of which the same command is started', 'M',
           unset="the cluster manager's (SLURM, MPI, Kubernetes), or else 1", least=1, below=1025,
           group=MACHINES),
    Option('node_rank', int, 'the number of this machine, from 0', 'R',
           unset="the cluster manager's", least=0, below=1024, group=MACHINES),
    Option('master', str, 'where machine 0 listens for the others', 'HOST:PORT',
           unset="the cluster manager's", group=MACHINES),
    Option('interface', str, 'the address of this machine that all its processes use', 'IP',
           unset='this machine alone can reach them, or with several the route to machine 0',
           group=MACHINES),
    Option('servers', int, 'processes that add the gradients', 'N', default=1, least=1, below=1025,
           group=MACHINES),
    Option('start_timeout', float, 'until all workers have to be there', 'SECONDS', default=60.0,
           above=0, below=86400, group=MACHINES),
    Option('stall_timeout', float, 'until a step has to end', 'SECONDS', default=60.0,
           above=0, below=86400, group=MACHINES),
    Option('change_workers', bool, 'let a run that is resumed have another number of workers, '
           'which config.json tells then', default=False, group=MACHINES)]}

# What is kept of a run beside its numbers, and decides none of them.
BOOKKEEPING = [option.name for option in OPTIONS.values()
               if option.may_change and option.name not in ('epochs', 'workers')]


def describe_options():
    """The options, a list's item each, as text: for the docstring of what takes them."""
    lines = []
    for option in [*OPTIONS.values(), *STARTING.values()]:
        default = option.unset if option.default is None else repr(option.default)
        lines.append('    - `%s`: %s; default: %s' % (option.name, option.help, default))
    return '\n'.join(lines)
