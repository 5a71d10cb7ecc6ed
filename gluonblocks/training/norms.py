"""Record statistics of batch normalization layers in norms.csv during training."""
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
MAX_BYTES = 2 ** 28  # limit on the size of norms.csv; enough for two million rows

# {activation: limit}. For |x| > limit, the activation counts as flat: its slope is below 7.1 % of
# the maximum. The tanh limit is half the sigmoid limit, because tanh(x) = 2 sigmoid(2x) - 1.
FLAT_FROM = {'sigmoid': 4.0, 'tanh': 2.0}
# A channel counts as dead if the standard deviation of its outputs is below this threshold.
LEAST_SPREAD = 0.01


class NormRow(NamedTuple):
    """One statistic of one batch normalization layer after an optimizer step.

    `step` counts the steps of all epochs, and `epoch` is the epoch of that step, counted from 1.
    `layer` is the layer's path, such as '4.bn1' for `net[4].bn1`, and `statistic` is one of
    `STATISTICS`. `q0` to `q100` are the minimum, the 5, 25, 50, 75 and 95 % quantiles and the
    maximum over the channels. `dead` and `saturated` are fractions of the layer's channels, and are
    repeated in all rows of the layer for this step. Values have six significant digits. If the run
    diverged, they may be infinite or NaN.
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


_HEAD = ','.join(NormRow._fields)
_LINE = '%d,%d,%s,%s' + ',%.6g' * 9 + '\n'


class NormStats(Hook):
    """Record statistics of the batch normalization layers of `net` in `folder`/norms.csv.

    Rows are recorded after each epoch and, if `every` is set, also once every `every` steps. They
    are written by `close`, and by `flush`, which a run calls before it saves a checkpoint. When a
    run is resumed, rows for steps after its checkpoint are removed, so the file is identical, byte
    for byte, to that of an uninterrupted run. Recording does not affect training. Writing may raise
    OSError.
    """

    def __init__(self, folder, net, every=None):
        self._folder, self._net, self._every = folder, net, every
        self._path = os.path.join(folder, NAME)
        self._layers, self._rows, self._last_step = [], [], 0

    def begin(self, state):
        self._layers = norm_layers(self._net)
        if not self._layers:
            tell('%s has no batch normalization layers: %s is not written' % (self._net.name, NAME))
            return
        try:
            rows = [row for row in read_norm_stats(self._folder) if row.step <= state.step]
        except (OSError, ValueError) as error:
            tell('%s; starting a new file' % error)
            rows = []
        # Each recording adds one row per layer and statistic. If a killed run left the last
        # recording incomplete, remove that recording's rows.
        del rows[len(rows) - len(rows) % (len(STATISTICS) * len(self._layers)):]
        if state.history and not any(row.epoch == len(state.history) for row in rows):
            tell('%s has no rows for epoch %d: recording continues from here' % (
                self._path, len(state.history)))
        self._last_step = rows[-1].step if rows else 0
        write_file(self._path, (_HEAD + '\n' + ''.join(_LINE % row for row in rows)).encode())

    def batch_end(self, state):
        if self._every and state.step % self._every == 0:
            self._record(state.epoch, state.step)

    def epoch_end(self, state):
        self._record(len(state.history), state.step)

    def flush(self):
        """Write the recorded rows and flush them to disk."""
        rows, self._rows = self._rows, []  # emptied first, so `close` does not retry after an error
        if rows:
            append_file(self._path, ''.join(_LINE % row for row in rows).encode())

    def close(self):
        self.flush()

    def _record(self, epoch, step):
        if step == self._last_step:  # the last step of an epoch may be a multiple of `every`
            return
        self._last_step = step
        nd.waitall()
        for layer in self._layers:
            values = layer_statistics(layer.block)
            fractions = dead_and_saturated(layer, values)
            with np.errstate(invalid='ignore'):  # the values may be infinite
                quantiles = np.quantile(values, QUANTILES, axis=1).T
            self._rows += [NormRow(epoch, step, layer.name, statistic, *row, *fractions)
                           for statistic, row in zip(STATISTICS, quantiles)]


def layer_statistics(block):
    """Return the `STATISTICS` of a batch normalization layer as a float64 array of shape (4, C).

    Values are averaged across the devices of the net; a fixed gamma counts as 1.
    """
    values = np.stack([
        np.mean([array.asnumpy().astype('float64').reshape(-1) for array in param.list_data()], 0)
        for param in (block.gamma, block.beta, block.running_mean, block.running_var)])
    if settings_of(block).get('fix_gamma'):  # nn.BatchNorm(scale=False) uses 1
        values[0] = 1
    return values


def dead_and_saturated(layer, values):
    """Return the fractions of dead and saturated channels of `layer`, a `NormLayer`.

    `values` is the array from `layer_statistics`. Outputs are assumed to be normally distributed,
    with mean beta and standard deviation s = |gamma| sqrt(var / (var + eps)). A channel is dead if
    s is below 0.01, or if a ReLU follows and fewer than one output in a thousand is above 0 (beta <
    -3.09 s). It is saturated if a sigmoid or tanh follows and more than half of its outputs
    lie where that function is flat: outside -4 to 4 for sigmoid, -2 to 2 for tanh. Without a
    sigmoid or tanh, the saturated fraction is NaN.
    """
    gamma, beta, _, var = values
    with np.errstate(invalid='ignore', divide='ignore'):
        spread = np.abs(gamma) * np.sqrt(var / (var + settings_of(layer.block)['eps']))
        dead = spread < LEAST_SPREAD
        if layer.activation == 'relu':
            dead |= beta < -3.09 * spread
        if layer.activation not in FLAT_FROM:
            return float(dead.mean()), math.nan
        limit = FLAT_FROM[layer.activation]
        below, above = (np.vectorize(math.erf)((end - beta) / (spread * math.sqrt(2)))
                        for end in (-limit, limit))
    return float(dead.mean()), float(((above - below) / 2 < 0.5).mean())


def read_norm_stats(folder):
    """Return the list of `NormRow` objects that the run in `folder` recorded; [] if there are none.

    An incomplete last line, which a killed run may leave, is ignored. Raises ValueError, naming the
    line, if the file is not a valid norms.csv, and OSError if it cannot be read.
    """
    path, rows = os.path.join(folder, NAME), []
    try:
        head, *lines = read_file(path, MAX_BYTES).decode(errors='replace').split('\n')
    except FileNotFoundError:
        return []
    if head != _HEAD:
        raise ValueError('%s, line 1: expected the columns %s, found %r' % (path, _HEAD, head))
    for number, line in enumerate(lines[:-1], 2):
        try:
            epoch, step, layer, statistic, *others = line.split(',')
            rows.append(NormRow(int(epoch), int(step), layer, statistic, *map(float, others)))
        except (ValueError, TypeError):
            raise ValueError('%s, line %d: expected a row of %d columns, found %r'
                             % (path, number, len(NormRow._fields), line)) from None
    return rows
