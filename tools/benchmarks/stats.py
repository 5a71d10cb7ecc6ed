"""Medians, quartiles, and ratios of interleaved measurements."""
import collections
import statistics

Spread = collections.namedtuple('Spread', 'low median high')
Spread.__doc__ = """The quartiles of a sample; half of the values lie between `low` and `high`."""


def spread(values, scale=1):
    """Return the quartiles of the scaled `values`. With a single value, all three equal it."""
    values = [scale * value for value in values]
    if len(values) == 1:
        return Spread(*values * 3)
    return Spread(*statistics.quantiles(values, n=4, method='inclusive'))


def ratio(theirs, ours):
    """Return the quartiles of the ratios theirs / ours; both lists have one value per round.

    Both values of a round were measured close together, so a slowdown of the machine affects both.
    """
    return spread([a / b for a, b in zip(theirs, ours)])


def fastest_torch(samples):
    """Return the PyTorch mode with the shortest median step time, or None if none was measured."""
    modes = [name for name in samples if name.startswith('torch')]
    return min(modes, key=lambda name: statistics.median(samples[name]['step']), default=None)
