"""Numbers as people read them."""
import math

from markupsafe import Markup


def number(value, words):
    """Return `words` as HTML that also carries all digits of `value`, for programs."""
    return Markup('<data value="%s">%s</data>') % (repr(float(value)), words)


def share(value, digits=4):
    """Return an accuracy from 0 to 1 as the book writes it; a dash for None."""
    if value is None:
        return '–'
    return number(value, '%.*f' % (digits, value)) if math.isfinite(value) else 'no number'


def loss(value):
    return number(value, '%.4f' % value) if math.isfinite(value) else str(value)


def percent(value):
    """Return a share as a percentage; a dash for None and NaN."""
    return '–' if value is None or not math.isfinite(value) else '%.1f %%' % (100 * value)


def duration(seconds):
    """Return seconds in words: 41.3 s, 12 min 5 s, 3 h 2 min."""
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


def size(shape):
    return ' × '.join(map(str, shape))
