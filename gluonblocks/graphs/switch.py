"""Which code computes: the chapters' formulas as the book writes them, or the fast ways.

The environment variable GLUONBLOCKS_WAY says it:

- `formula`: batch normalization runs operator by operator as `blocks/norm.py` defines it, and a
  hybridized net runs its graph as Gluon traced it.
- `graph`: the same numbers, but for rounding, from the graphs of this folder, several times faster.
- `operators` (where nothing is said): the same again, and a hybridized `Net` trains with the
  operators in C++ of `kernels` where they are faster, if they can be had: `taken` tells.

If a result looks wrong, run it with `formula`: what stays wrong is not the fast code's. The
variable is read at each call, so it may change while a program runs; graphs that were traced for
another way are then traced anew.
"""
import os
import warnings
from typing import List

from .kernels.load import Status, status

VARIABLE = 'GLUONBLOCKS_WAY'
WAYS = ('formula', 'graph', 'operators')  # from the plainest to the fastest
DEFAULT = 'operators'

_warned: List[Status] = []


def way():
    """The way that GLUONBLOCKS_WAY names; ValueError where it names none."""
    value = os.environ.get(VARIABLE) or DEFAULT
    if value not in WAYS:
        raise ValueError('the environment variable %s is %r, but must be one of %s, or unset for %s'
                         % (VARIABLE, value, ', '.join(WAYS), DEFAULT))
    return value


def taken():
    """The way that is gone: `way()`, but `graph` where the operators cannot be had here.

    The first time it may build them, which takes seconds. Where they are asked for and cannot be
    had, and where they are faulty, a RuntimeWarning says so once.
    """
    if way() != 'operators' or status().ready:
        return way()
    if os.environ.get(VARIABLE) or status().faulty:
        _warn(status())
    return 'graph'


def _warn(lacking):
    if lacking not in _warned:
        _warned.append(lacking)
        remedy = ' To have them: %s.' % lacking.remedy if lacking.remedy else ''
        warnings.warn('The operators of gluonblocks are left alone: %s. Training goes on with the '
                      'graph, slower.%s' % (lacking.reason, remedy), RuntimeWarning, stacklevel=3)
