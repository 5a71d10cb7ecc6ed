"""The options of a run, each declared once as a field of a dataclass.

A field carries its default, range and help, and whether a resume may change it. The command line,
`train_model`, config.json, the check of a resume and the table in docs/runs.md read these fields.
"""
import dataclasses
import math
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ..checks import OptionError
from ..data.augment import KINDS
from ..data.datasets import DATASETS, list_datasets
from ..distributed.place import Place
from ..models.registry import get_recipe
from ..training.optimizers import OPTIMIZERS
from ..training.schedules import SCHEDULES

FLOAT32_MAX = float(np.finfo('float32').max)

# The groups of options that a plain training run does not need.
FOLDER, FEATURE, MACHINES = 'folder', 'feature', 'machines'


class Option(NamedTuple):
    """The declaration of one option.

    `kind` is int, float, bool or str, or list for integers. A number is at least `least`, or above
    `above`, and below `below`. A string is one of `choices()`, or `also(string)` is true, which
    `also_words` describe. A `default` of None stands for what `unset` says in words. `may_change`
    is True if a resumed run may have another value: the option then changes no value computed so
    far.
    """

    name: str
    default: Any
    kind: type
    help: str
    metavar: str = ''
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
        """Raise OptionError unless `value`, None for the default, has the kind and the range."""
        if value is None and self.default is None:
            return
        if self.kind is list:
            if not isinstance(value, list) or not value:
                raise OptionError(self.name, 'is %r, but must be a list of whole numbers', value)
            for number in value:
                self._check_number(number, int)
        elif self.kind in (int, float):
            self._check_number(value, self.kind)
        elif not isinstance(value, self.kind):
            raise OptionError(self.name, 'is %r, but must be %s', value,
                              'true or false' if self.kind is bool else 'a string')
        elif self.choices and value not in self.choices() and not (
                self.also and self.also(str(value))):
            raise OptionError(self.name, 'is %r, but must be one of %s', value, self._choices())

    def meaning(self, before_choices):
        """Return the help, and the values that a string may have, in words."""
        return self.help + (before_choices + self._choices() if self.choices else '')

    def _choices(self):
        return ', '.join(self.choices()) + self.also_words

    def described_default(self):
        """Return the default in words."""
        if self.kind is bool and self.default is not None:
            return 'yes' if self.default else 'no'
        return self.unset if self.default is None else str(self.default)

    def _check_number(self, value, kind):
        is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not (is_integer or kind is float and isinstance(value, (float, np.floating))):
            raise OptionError(self.name, 'is %r, but must be a %s', value,
                              'whole number' if kind is int else 'number')
        if not (value >= self.least and value > self.above and value < self.below):
            low = 'at least %g' % self.least if self.least > -math.inf else 'above %g' % self.above
            high = '' if self.below == math.inf else ' and below %.10g' % self.below
            raise OptionError(self.name, 'is %r, but must be %s%s', value, low, high)


def _option(kind, help, metavar='', default=None, **more) -> Any:
    """Return a dataclass field whose metadata are those of an `Option`."""
    return dataclasses.field(default=default, metadata=dict(more, kind=kind, help=help,
                                                            metavar=metavar))


def _declared(of):
    """Return the `Option`s of a dataclass, a dict by name."""
    return {field.name: Option(field.name, field.default, **field.metadata)
            for field in dataclasses.fields(of) if field.metadata}


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """The options that make up a run of `model`; config.json has them under the same names."""

    model: str
    epochs: Optional[int] = _option(
        int, 'passes over the training images', 'N', unset="the model's", least=1, may_change=True)
    batch_size: Optional[int] = _option(
        int, 'images in a step', 'N', unset="the model's", least=1)
    lr: Optional[float] = _option(
        float, 'learning rate', 'RATE', unset="the model's", above=0, below=FLOAT32_MAX)
    ctx: Optional[str] = _option(
        str, 'cpu, gpu, gpu:1, ..., or several that share each batch, such as gpu:0,1', 'DEVICE',
        unset='the first GPU, or else the CPU')
    seed: Optional[int] = _option(
        int, 'seed of every random number; it repeats a run on the same machine with the same '
        'number of threads', 'N', unset='drawn and printed', least=0, below=2 ** 31)
    dataset: str = _option(
        str, 'the images', 'NAME', 'fashion-mnist', choices=list_datasets, also=DATASETS.has_form,
        also_words=', or folder:PATH for the pictures in that folder, or my_module:load for a '
        'function that Python can import')
    data_root: Optional[str] = _option(
        str, 'folder of the data set', 'FOLDER',
        unset='found, or else downloaded into ~/.mxnet/datasets', may_change=True)
    test_share: Optional[float] = _option(
        float, 'share of the pictures to test on, for a folder without train and test', 'SHARE',
        unset='none', above=0, below=1)
    resize: Optional[int] = _option(
        int, 'side of the squares that images are resized to', 'PIXELS', unset="the model's, or "
        'else as they are; pictures of several sizes are fitted into 64', least=1, below=4097)
    checkpoint_every: Optional[int] = _option(
        int, 'steps from one checkpoint to the next, within an epoch too', 'STEPS',
        unset='after the first step and each epoch', least=1, may_change=True, group=FOLDER)
    tensorboard: bool = _option(
        bool, 'write TensorBoard events (needs tensorboardX)', default=False, may_change=True,
        group=FOLDER)
    norm_stats: bool = _option(
        bool, 'record the batch normalization layers in norms.csv after each epoch',
        default=False, may_change=True, group=FOLDER)
    norm_stats_every: Optional[int] = _option(
        int, 'steps from one record in norms.csv to the next, within an epoch too', 'STEPS',
        unset='after each epoch', least=1, may_change=True, group=FOLDER)
    optimizer: str = _option(
        str, 'how the weights move', 'NAME', 'sgd', choices=lambda: OPTIMIZERS, group=FEATURE)
    momentum: Optional[float] = _option(
        float, 'share of the last step that is added to the next', 'SHARE',
        unset="the optimizer's", least=0, below=1, group=FEATURE)
    weight_decay: Optional[float] = _option(
        float, 'factor by which weights are pulled to 0', 'FACTOR', unset="the optimizer's",
        least=0, below=FLOAT32_MAX, group=FEATURE)
    lr_schedule: str = _option(
        str, 'how the learning rate changes', 'NAME', 'constant', choices=lambda: SCHEDULES,
        group=FEATURE)
    lr_decay_epochs: Optional[List[int]] = _option(
        list, 'epochs after which the schedule step lowers the learning rate', 'N,N', unset='none',
        least=1, group=FEATURE)
    lr_decay: float = _option(
        float, 'factor by which the schedule step lowers it', 'FACTOR', 0.1, above=0,
        below=FLOAT32_MAX, group=FEATURE)
    warmup_epochs: int = _option(
        int, 'epochs over which the learning rate rises from 0', 'N', 0, least=0, group=FEATURE)
    label_smoothing: float = _option(
        float, 'share of a label that is spread over all classes', 'SHARE', 0.0, least=0, below=1,
        group=FEATURE)
    augment: str = _option(
        str, 'random changes of training images, new in each epoch: mirrored, shifted by up to an '
        'eighth, or both', 'KIND', 'none', choices=lambda: KINDS, group=FEATURE)
    start_from: Optional[str] = _option(
        str, 'trained weights to start from: the folder of a run, for its best weights, or a '
        '.safetensors or .params file. Layers that depend on the number of classes start new if '
        'it differs', 'PATH', unset='none', group=FEATURE)
    freeze: str = _option(
        str, 'layers that keep the weights they start from: features are all but the last, and '
        'their norms keep their running statistics', 'LAYERS', 'none',
        choices=lambda: ('none', 'features'), group=FEATURE)
    early_stop: Optional[int] = _option(
        int, 'epochs without a better test accuracy after which the run stops', 'EPOCHS',
        unset='never', least=1, group=FEATURE)
    stop_non_finite: Optional[bool] = _option(
        bool, 'stop at the first loss, and after an epoch at the first weight, that is infinite or '
        'NaN', unset='yes for a run in a folder, otherwise no', may_change=True, group=FEATURE)
    dtype: str = _option(
        str, 'type of the numbers; float16 needs a GPU', 'TYPE', 'float32',
        choices=lambda: ('float32', 'float16'), group=FEATURE)
    workers: int = _option(
        int, 'processes that share each batch, on all machines together', 'N', 1, least=1,
        below=1025, may_change=True, group=MACHINES)


@dataclasses.dataclass(frozen=True)
class Placement:
    """The options that say where a run's processes are. They change no value of the run.

    `place` is this machine's place among several, once it is known.
    """

    nodes: Optional[int] = _option(
        int, 'number of machines, on each of which the same command is started', 'M',
        unset="the cluster manager's (SLURM, MPI, Kubernetes), or else 1", least=1, below=1025,
        group=MACHINES)
    node_rank: Optional[int] = _option(
        int, 'number of this machine, from 0', 'R', unset="the cluster manager's", least=0,
        below=1024, group=MACHINES)
    master: Optional[str] = _option(
        str, 'address on which machine 0 waits for the others', 'HOST:PORT',
        unset="the cluster manager's", group=MACHINES)
    interface: Optional[str] = _option(
        str, 'address of this machine that all its processes use', 'IP', unset='this machine '
        'alone can reach them; with several machines, the route to machine 0', group=MACHINES)
    start_timeout: float = _option(
        float, 'time in which all workers must have started', 'SECONDS', 60.0, above=0,
        below=86400, group=MACHINES)
    stall_timeout: float = _option(
        float, 'time in which a step must end', 'SECONDS', 60.0, above=0, below=86400,
        group=MACHINES)
    change_workers: bool = _option(
        bool, 'let a resumed run have another number of workers; config.json records it',
        default=False, group=MACHINES)
    place: Tuple = Place()


OPTIONS = _declared(RunOptions)
PLACEMENT = _declared(Placement)

# The options that decide no value of a run.
BOOKKEEPING = [option.name for option in OPTIONS.values()
               if option.may_change and option.name not in ('epochs', 'workers')]


def default_options(model):
    """Return the default of each option for a run of `model`, a dict; None is decided later.

    Raises as `get_recipe` does for an unknown model.
    """
    return dict({name: option.default for name, option in OPTIONS.items()},
                **get_recipe(model)._asdict())
