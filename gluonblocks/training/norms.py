"""What batch normalization does while a net trains: its layers' numbers, as rows in norms.csv."""
import math
import os
from typing import NamedTuple

import numpy as np
from mxnet import nd

from ..files import append_file, read_file, write_file
from ..mxnet_private import settings_of
from .hooks import Hook
from .norm_layers import norm_layers
from .progress import tell

NAME = 'norms.csv'
STATISTICS = ('gamma', 'beta', 'moving_mean', 'moving_var')
QUANTILES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)
MAX_BYTES = 2 ** 28  # of two million rows

# Where the slope of an activation is below 7 % of its largest: tanh(x) is 2 sigmoid(2x) - 1.
FLAT_FROM = {'sigmoid': 4.0, 'tanh': 2.0}
# An output with less spread than this is taken to be the same for every image.
LEAST_SPREAD = 0.01


class NormRow(NamedTuple):
    """One statistic of one batch normalization layer, after the optimizer's step number `step`.

    `epoch`, from 1, is the one that this step is of; `layer` is as in `NormLayer`; `statistic` is
    one of `STATISTICS`. `q0` to `q100` are its smallest value over the channels, the values below
    which 5, 25, 50, 75 and 95 % of them are, and the largest. `dead` and `saturated` are shares of
    the layer's channels, from 0 to 1, by `dead_share` and `saturated_share`, the same in its four
    rows. Numbers have six digits; of a run that diverged they may be infinite or no number.
    """

    epoch: int
    step: int
    layer: str
    statistic: str
    q0: float
    q5: float
    q25: float
    q50: float
    q75: float
    q95: float
    q100: float
    dead: float
    saturated: float


_HEAD = ','.join(NormRow._fields) + '\n'


class NormStats(Hook):
    """Records the batch normalization layers of `net` in `folder`/norms.csv.

    Rows are taken after each epoch and, where `every` is a number, after each so many steps. They
    are kept until `flush`, which a run calls before it saves a checkpoint, or `close`: so the file
    never lacks what lies before a checkpoint, and a run that goes on from one cuts off what lies
    behind. It then has, to the last byte, the rows of a run that was never stopped. Recording
    changes no number of the training. Writing raises OSError.
    """

    def __init__(self, folder, net, every=None):
        self._path, self._net, self._every = os.path.join(folder, NAME), net, every
        self._layers, self._lines, self._last_step = None, [], 0

    def begin(self, state):
        self._layers = norm_layers(self._net)
        if not self._layers:
            tell('%s has no batch normalization layer: no %s is written' % (self._net.name, NAME))
            return
        kept = _lines_up_to(self._path, state.step)
        # An epoch's rows come after a checkpoint of its last step, so a part of them may be there.
        before = [line for line in kept if _step_of(line) != _step_of(kept[-1])]
        if len(kept) - len(before) != len(STATISTICS) * len(self._layers):
            kept = before
        if state.history and not any(line.startswith('%d,' % len(state.history)) for line in kept):
            tell('%s has no rows of epoch %d: it goes on from here' % (
                self._path, len(state.history)))
        self._last_step = _step_of(kept[-1]) if kept else 0
        write_file(self._path, (_HEAD + ''.join(kept)).encode())

    def batch_end(self, state):
        if self._every and state.step % self._every == 0:
            self._record(state.epoch, state.step)

    def epoch_end(self, state):
        self._record(len(state.history), state.step)

    def flush(self):
        """Write the rows that were taken, and wait until they are on the disk."""
        lines, self._lines = self._lines, []  # not tried again by `close`, if it fails
        if lines:
            append_file(self._path, ''.join(lines).encode())

    def close(self):
        self.flush()

    def _record(self, epoch, step):
        if not self._layers or step == self._last_step:  # an epoch's last step may be an N-th too
            return
        self._last_step = step
        nd.waitall()
        for layer in self._layers:
            values = layer_statistics(layer.block)
            if values is None:
                continue
            shares = (dead_share(layer, values), saturated_share(layer, values))
            self._lines += ['%d,%d,%s,%s,%s\n' % (
                epoch, step, layer.name, statistic, ','.join('%.6g' % x for x in (*row, *shares)))
                for statistic, row in zip(STATISTICS, np.quantile(values, QUANTILES, axis=1).T)]


def _step_of(line):
    return int(line.split(',', 2)[1])


def layer_statistics(block):
    """The `STATISTICS` of a batch normalization layer, (4, C) float64, as it uses them.

    On several devices it is their mean. None for a layer without numbers, which was never used.
    """
    params = [block.gamma, block.beta, block.running_mean, block.running_var]
    try:
        values = np.stack([np.mean([array.asnumpy().astype('float64').reshape(-1)
                                    for array in param.list_data()], axis=0) for param in params])
    except RuntimeError:  # Gluon's for a parameter that is not initialized
        return None
    if settings_of(block).get('fix_gamma'):  # nn.BatchNorm(scale=False): the operator takes 1
        values[0] = 1
    return values


def output_spread(block, values):
    """The standard deviation of each channel's output, (C,), on inputs as the averages say.

    The mean of the output is beta, and its deviation |gamma| sqrt(var / (var + eps)).
    """
    gamma, _, _, var = values
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.abs(gamma) * np.sqrt(var / (var + settings_of(block)['eps']))


def dead_share(layer, values):
    """The share of channels that pass nothing on, from `values` as by `layer_statistics`.

    These are channels whose output is the same for every image: its standard deviation is below
    0.01. Before a ReLU it is also those whose output is above 0 for less than one input in a
    thousand, if it is normally distributed: beta is below -3.09 standard deviations.
    """
    spread, beta = output_spread(layer.block, values), values[1]
    dead = spread < LEAST_SPREAD
    if layer.activation == 'relu':
        dead |= beta < -3.09 * spread
    return float(dead.mean())


def saturated_share(layer, values):
    """The share of channels that the sigmoid or tanh behind the layer flattens.

    These are channels of which more than half of the outputs, if they are normally distributed, lie
    where that activation is flat: beyond -4 and 4 for a sigmoid, -2 and 2 for tanh. NaN where no
    such activation follows.
    """
    if layer.activation not in FLAT_FROM:
        return math.nan
    limit, count = FLAT_FROM[layer.activation], 0
    for spread, beta in zip(output_spread(layer.block, values), values[1]):
        if spread > 0:
            within = [math.erf((end - beta) / (spread * math.sqrt(2))) for end in (limit, -limit)]
            count += (within[0] - within[1]) / 2 < 0.5
        else:
            count += abs(beta) > limit
    return float(count / values.shape[1])


def read_norm_stats(folder):
    """Return a list of `NormRow`, those of the run in `folder`; empty if it recorded none.

    An incomplete last line, of a run that was killed while it wrote, is left out. Raises
    ValueError, with the line, for a file that is not a norms.csv, and OSError as `open` does.
    """
    try:
        return [row for row, _ in _read_rows(os.path.join(folder, NAME))]
    except FileNotFoundError:
        return []


def _read_rows(path):
    """Return (`NormRow`, its line) for each complete line of a norms.csv but the first."""
    head, *lines = read_file(path, MAX_BYTES).decode(errors='replace').splitlines(
        keepends=True) or ['']
    if head != _HEAD:
        raise ValueError('%s, line 1: expected the columns %s, found %r'
                         % (path, _HEAD.strip(), head.strip()))
    rows = []
    for number, line in enumerate(lines, 2):
        if not line.endswith('\n'):
            break
        cells = line.rstrip('\n').split(',')
        try:
            row = NormRow(int(cells[0]), int(cells[1]), cells[2], cells[3], *map(float, cells[4:]))
            STATISTICS.index(row.statistic)
        except (ValueError, TypeError, IndexError):
            raise ValueError('%s, line %d: expected a row of %d columns, found %r'
                             % (path, number, len(NormRow._fields), line.strip())) from None
        rows.append((row, line))
    return rows


def _lines_up_to(path, step):
    """Return the complete lines of norms.csv up to those of the step `step`."""
    if not step:
        return []
    try:
        return [line for row, line in _read_rows(path) if row.step <= step]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        tell('%s; the file is started again' % error)
        return []
