"""Medians, their spread, and ratios of what was measured in turns."""
import collections
import math
import statistics

Spread = collections.namedtuple('Spread', 'low median high')
Spread.__doc__ = """The quartiles of a sample: `low` and `high` hold its middle half."""


def spread(values):
    """The quartiles of `values`, interpolated; one value is its own quartiles."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    return Spread(*statistics.quantiles(values, n=4, method='inclusive'))


def ratio(theirs, ours):
    """How many times `theirs` is `ours`: the median of the rounds' ratios, with their quartiles.

    Both are lists with a number, or None, for each round. The ratio of one round compares what was
    measured side by side, so what slowed the machine for both is not in it.
    """
    both = [a / b for a, b in zip(theirs, ours) if a is not None and b is not None]
    return spread(both) if both else None


def known(values):
    return [value for value in values if value is not None]


def geometric_mean(values):
    return math.exp(sum(math.log(value) for value in values) / len(values))


def epoch_seconds(samples, facts):
    """Seconds of an epoch, for each round: training and evaluating, from the seconds an image.

    What a loader does once an epoch is not in it.
    """
    return [None if step is None else facts['num_train'] * step + facts['num_test'] * evaluate
            for step, evaluate in zip(samples['step'], samples['evaluate'])]


def fastest_torch(samples):
    """The PyTorch mode with the smallest median step, or None."""
    modes = [name for name in samples if name.startswith('torch')]
    return min(modes, key=lambda name: statistics.median(known(samples[name]['step'])),
               default=None)


def outside_share(samples):
    """The share of the step that is outside the network, for each round of one variant."""
    return [None if step is None else 1 - core / step
            for step, core in zip(samples['step'], samples['core'])]
