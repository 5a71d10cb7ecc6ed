"""Which code computes: the chapters' formulas as the book writes them, or the fast graphs.

The environment variable GLUONBLOCKS_WAY says it:

- `formula`: batch normalization runs operator by operator as `blocks/norm.py` defines it, and a
  hybridized net runs its graph as Gluon traced it.
- `graph` (where nothing is said): the same numbers, but for rounding, from the graphs of this
  folder, several times faster.

If a result looks wrong, run it with `formula`: what stays wrong is not the fast code's. The
variable is read at each call, so it may change while a program runs; graphs that were traced for
another way are then traced anew.
"""
import os

VARIABLE = 'GLUONBLOCKS_WAY'
WAYS = ('formula', 'graph')  # from the plainest to the fastest
DEFAULT = 'graph'


def way():
    """The way that GLUONBLOCKS_WAY names; ValueError where it names none."""
    value = os.environ.get(VARIABLE) or DEFAULT
    if value not in WAYS:
        raise ValueError('the environment variable %s is %r, but must be one of %s, or unset for %s'
                         % (VARIABLE, value, ', '.join(WAYS), DEFAULT))
    return value
