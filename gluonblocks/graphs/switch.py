"""Which code computes: the chapters' formulas as the book writes them, or the fast ways.

The environment variable GLUONBLOCKS_WAY says it:

- `formula`: batch normalization runs operator by operator as `blocks/norm.py` defines it, and a
  hybridized net runs its graph as Gluon traced it.
- `graph` (where nothing is said): the same numbers, but for rounding, from the graphs of this
  folder, several times faster.
- `operators`: the same again, and a hybridized `Net` trains with the operators in C++ of `kernels`
  where they are faster, if they can be had: `taken` tells.

If a result looks wrong, run it with `formula`: what stays wrong is not the fast code's. The
variable is read at each call, so it may change while a program runs; graphs that were traced for
another way are then traced anew.
"""
import os

from .kernels.load import status

VARIABLE = 'GLUONBLOCKS_WAY'
WAYS = ('formula', 'graph', 'operators')  # from the plainest to the fastest
DEFAULT = 'graph'


def way():
    """The way that GLUONBLOCKS_WAY names; ValueError where it names none."""
    value = os.environ.get(VARIABLE) or DEFAULT
    if value not in WAYS:
        raise ValueError('the environment variable %s is %r, but must be one of %s, or unset for %s'
                         % (VARIABLE, value, ', '.join(WAYS), DEFAULT))
    return value


def taken():
    """The way that is gone: `way()`, but `graph` where the operators cannot be had here.

    The first time it may build them, which takes seconds.
    """
    return 'graph' if way() == 'operators' and not status().ready else way()
