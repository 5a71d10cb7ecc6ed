"""Medians, their spread, and ratios of values measured in turns."""
import collections
import statistics

Spread = collections.namedtuple('Spread', 'low median high')
Spread.__doc__ = """The quartiles of a sample: `low` and `high` hold its middle half."""


def spread(values, scale=1):
    """The quartiles of `values`, each times `scale`; one value is its own quartiles."""
    values = [scale * value for value in values]
    if len(values) == 1:
        return Spread(*values * 3)
    return Spread(*statistics.quantiles(values, n=4, method='inclusive'))


def ratio(theirs, ours):
    """How many times `theirs` is `ours`: the median of the rounds' ratios, with their quartiles.

    Both are lists with a value for each round. The ratio of one round compares values measured one
    right after the other, so a slow machine slows both.
    """
    return spread([a / b for a, b in zip(theirs, ours)])


def fastest_torch(samples):
    """The PyTorch mode with the smallest median step, or None."""
    modes = [name for name in samples if name.startswith('torch')]
    return min(modes, key=lambda name: statistics.median(samples[name]['step']), default=None)
