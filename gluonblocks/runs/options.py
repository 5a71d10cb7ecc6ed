"""The options of a run, each declared once as a field of a dataclass.

A field declares the default, the range and the help text of an option, and whether a resumed run
may change it. These declarations are used by the command line, `train_model`, config.json, the
checks before a run is resumed, and the options table in the documentation.
"""
import dataclasses
import math
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ..checks import OptionError
from ..data.augment import KINDS
from ..data.datasets import DATASETS, list_datasets
from ..distributed.topology import Topology
from ..models.registry import get_recipe
from ..training.optimizers import OPTIMIZERS
from ..training.schedules import SCHEDULES

FLOAT32_MAX = float(np.finfo('float32').max)

# The groups in which --help lists the options.
MODEL, DATA, RECIPE, FOLDER, MACHINES = 'model', 'data', 'recipe', 'folder', 'machines'


class Option(NamedTuple):
    """The declaration of one option.

    `kind` is int, float, bool, str or list (a list of integers). A number must be at least `least`,
    above `above` and below `below`. A string must be in the list that `choices` returns, unless the
    function `also` accepts it; `also_help` describes the values that `also` accepts. If `default`
    is None, `unset` describes the value that is used instead. `may_change` is True if a resumed
    run may use another value.
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
    also_help: str = ''
    may_change: bool = False
    group: str = RECIPE

    def check(self, value):
        """Raise OptionError if `value` is invalid. None is valid only if it is the default."""
        if value is None and self.default is None:
            return
        if self.kind is list:
            if not isinstance(value, list) or not value:
                raise OptionError(self.name, 'must be a list of integers, got %r', value)
            for number in value:
                self._check_number(number, int)
        elif self.kind in (int, float):
            self._check_number(value, self.kind)
        elif not isinstance(value, self.kind):
            expected = 'True or False' if self.kind is bool else 'a string'
            raise OptionError(self.name, 'must be %s, got %r', expected, value)
        elif self.choices and value not in self.choices() and not (
                self.also and self.also(str(value))):
            raise OptionError(self.name, 'must be one of %s, got %r', self._choices(), value)

    def meaning(self):
        """Return the option's help text, followed by its choices if it has any."""
        return self.help + (': ' + self._choices() if self.choices else '')

    def _choices(self):
        return ', '.join(self.choices()) + self.also_help

    def describe_default(self):
        """Return text that describes the default."""
        if self.kind is bool and self.default is not None:
            return 'on' if self.default else 'off'
        return self.unset if self.default is None else str(self.default)

    def _check_number(self, value, kind):
        is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not (is_integer or kind is float and isinstance(value, (float, np.floating))):
            raise OptionError(self.name, 'must be %s, got %r',
                              'an integer' if kind is int else 'a number', value)
        if not (value >= self.least and value > self.above and value < self.below):
            low = 'at least %g' % self.least if self.least > -math.inf else 'above %g' % self.above
            high = '' if self.below == math.inf else ' and below %.10g' % self.below
            raise OptionError(self.name, 'must be %s%s, got %r', low, high, value)


def _option(kind, help, metavar='', default=None, **more) -> Any:
    """Return a dataclass field that declares an `Option` in its metadata."""
    return dataclasses.field(default=default, metadata=dict(more, kind=kind, help=help,
                                                            metavar=metavar))


def _declared(options_class):
    """Return a dict of the `Option` objects declared by a dataclass, keyed by field name."""
    return {field.name: Option(field.name, field.default, **field.metadata)
            for field in dataclasses.fields(options_class) if field.metadata}


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """The options of a run, with the same names as in config.json."""

    model: str
    epochs: Optional[int] = _option(
        int, 'number of passes over the training images', 'N', unset='depends on the model',
        least=1, may_change=True)
    batch_size: Optional[int] = _option(
        int, 'number of images per training step', 'N', unset='depends on the model', least=1)
    lr: Optional[float] = _option(
        float, 'learning rate', 'RATE', unset='depends on the model', above=0, below=FLOAT32_MAX)
    ctx: Optional[str] = _option(
        str, 'device to train on: cpu, gpu, gpu:1, ...; several devices, such as gpu:0,1, split '
        'each batch', 'DEVICE', unset='the first GPU if there is one, otherwise the CPU',
        group=MODEL)
    seed: Optional[int] = _option(
        int, 'random seed; results are reproducible with the same seed, machine and thread count',
        'N', unset='chosen at random, and printed', least=0, below=2 ** 31)
    dataset: str = _option(
        str, 'data set to train on', 'NAME', 'fashion-mnist', choices=list_datasets,
        also=DATASETS.has_form, also_help=', folder:PATH (images in a folder) or my_module:load '
        '(a Python function)', group=DATA)
    data_root: Optional[str] = _option(
        str, 'existing folder that contains the data set, or to which it is downloaded', 'FOLDER',
        unset='use an installed copy, or else download the data set to ~/.mxnet/datasets',
        may_change=True, group=DATA)
    test_share: Optional[float] = _option(
        float, 'fraction of the images to hold out for testing if an image folder has no train and '
        'test subfolders', 'FRACTION', unset='none', above=0, below=1, group=DATA)
    resize: Optional[int] = _option(
        int, 'width and height, in pixels, to which images are resized', 'PIXELS', unset='depends '
        'on the model; if the model sets none, images keep their size, or are scaled and padded to '
        '64 x 64 if their sizes differ or exceed 128 pixels', least=1, below=4097, group=DATA)
    checkpoint_every: Optional[int] = _option(
        int, 'save a checkpoint every STEPS steps, as well as after each epoch', 'STEPS',
        unset='only after the first step and each epoch', least=1, may_change=True, group=FOLDER)
    tensorboard: bool = _option(
        bool, 'write TensorBoard event files (requires tensorboardX)', default=False,
        may_change=True, group=FOLDER)
    norm_stats: bool = _option(
        bool, 'record statistics of the batch normalization layers in norms.csv after each epoch',
        default=False, may_change=True, group=FOLDER)
    norm_stats_every: Optional[int] = _option(
        int, 'record batch normalization statistics in norms.csv every STEPS steps, as well '
        'as after each epoch', 'STEPS', unset='only after each epoch', least=1, may_change=True,
        group=FOLDER)
    optimizer: str = _option(
        str, 'optimizer that updates the weights', 'NAME', 'sgd', choices=lambda: OPTIMIZERS)
    momentum: Optional[float] = _option(
        float, 'fraction of the previous update that is added to the next one', 'FRACTION',
        unset='depends on the optimizer', least=0, below=1)
    weight_decay: Optional[float] = _option(
        float, 'coefficient of the L2 penalty on the weights', 'FACTOR',
        unset='depends on the optimizer', least=0, below=FLOAT32_MAX)
    lr_schedule: str = _option(
        str, 'learning rate schedule', 'NAME', 'constant', choices=lambda: SCHEDULES)
    lr_decay_epochs: Optional[List[int]] = _option(
        list, 'epochs after which the step schedule lowers the learning rate', 'N,N', unset='none',
        least=1)
    lr_decay: float = _option(
        float, 'factor by which the step schedule multiplies the learning rate', 'FACTOR', 0.1,
        above=0, below=FLOAT32_MAX)
    warmup_epochs: int = _option(
        int, 'number of epochs during which the learning rate rises from 0 to its full value', 'N',
        0, least=0)
    label_smoothing: float = _option(
        float, "fraction of each label's probability that is spread evenly over all classes",
        'FRACTION', 0.0, least=0, below=1)
    augment: str = _option(
        str, 'random changes to the training images in each epoch (flip mirrors an image, crop '
        'shifts it by up to an eighth of its size)', 'KIND', 'none', choices=lambda: KINDS,
        group=DATA)
    start_from: Optional[str] = _option(
        str, 'trained weights to start from: a run folder (its best weights), or a .safetensors or '
        '.params file; if the number of classes differs, layers that depend on it start with '
        'random weights', 'PATH', unset='none', group=MODEL)
    freeze: str = _option(
        str, 'layers to freeze (features: the weights and running statistics of all layers '
        'except the last)', 'LAYERS', 'none', choices=lambda: ('none', 'features'), group=MODEL)
    early_stop: Optional[int] = _option(
        int, 'stop after this many epochs without an improvement in test accuracy', 'EPOCHS',
        unset='train for all epochs', least=1)
    stop_non_finite: Optional[bool] = _option(
        bool, 'stop when the loss becomes NaN or infinite', unset='on if the run is saved in a '
        'folder, otherwise off', may_change=True)
    dtype: str = _option(
        str, 'data type of the weights and activations (float16 requires a GPU)', 'TYPE',
        'float32', choices=lambda: ('float32', 'float16'), group=MODEL)
    workers: int = _option(
        int, 'total number of worker processes on all machines; each batch is split among them',
        'N', 1, least=1, below=1025, may_change=True, group=MACHINES)


@dataclasses.dataclass(frozen=True)
class Placement:
    """The options for distributing a run across machines. They do not affect its results.

    `topology` is computed from `nodes`, `node_rank`, `master` and `interface`, and from the
    environment variables that a cluster manager sets.
    """

    nodes: Optional[int] = _option(
        int, 'number of machines; start the same command on each of them', 'M',
        unset='set by SLURM, MPI or Kubernetes, otherwise 1', least=1, below=1025, group=MACHINES)
    node_rank: Optional[int] = _option(
        int, 'rank of this machine, starting at 0', 'R', unset='set by the cluster manager',
        least=0, below=1024, group=MACHINES)
    master: Optional[str] = _option(
        str, 'address at which the other machines connect to machine 0', 'HOST:PORT',
        unset='set by the cluster manager', group=MACHINES)
    interface: Optional[str] = _option(
        str, "IP address that this machine's processes use to communicate", 'IP',
        unset='loopback; with several machines, the address on the route to machine 0',
        group=MACHINES)
    start_timeout: float = _option(
        float, 'maximum time in seconds to wait for all workers to start; if they take longer, the '
        'run fails', 'SECONDS', 60.0, above=0, below=86400, group=MACHINES)
    stall_timeout: float = _option(
        float, 'maximum duration of a training step in seconds; if a step takes longer, a run with '
        'several workers fails', 'SECONDS', 60.0, above=0, below=86400, group=MACHINES)
    change_workers: bool = _option(
        bool, 'allow a resumed run to use a different number of workers', default=False,
        group=MACHINES)
    topology: Tuple = Topology()


OPTIONS = _declared(RunOptions)
PLACEMENT = _declared(Placement)

# The options that do not affect the results of a run.
BOOKKEEPING = [option.name for option in OPTIONS.values()
               if option.may_change and option.name not in ('epochs', 'workers')]


def default_options(model):
    """Return a dict of the default options of `model`; None stands for a value that the run sets.

    Raises ValueError for an unknown model.
    """
    return dict({name: option.default for name, option in OPTIONS.items()},
                **get_recipe(model)._asdict())
