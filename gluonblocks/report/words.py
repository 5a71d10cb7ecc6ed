"""Numbers as people read them."""
import math

from .html import number


def share(value, digits=4):
    """An accuracy, from 0 to 1, as the book writes it, with all its digits for programs."""
    return number(value, '%.*f' % (digits, value)) if math.isfinite(value) else 'no number'


def loss(value):
    return number(value, '%.4f' % value) if math.isfinite(value) else str(value)


def percent(value):
    """A share as a percentage; a dash where there is none."""
    return '–' if value is None or not math.isfinite(value) else '%.1f %%' % (100 * value)


def duration(seconds):
    """Seconds in words: 41.3 s, 12 min 5 s, 3 h 2 min."""
    if not math.isfinite(seconds):
        return 'not known'
    if seconds < 99.95:
        return '%.1f s' % seconds
    minutes, rest = divmod(int(round(seconds)), 60)
    if minutes < 60:
        return '%d min %d s' % (minutes, rest)
    return '%d h %d min' % divmod(minutes, 60)


def count(value):
    return f'{value:,}'
