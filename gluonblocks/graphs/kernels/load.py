"""Whether the operators can be had in this process: built, loaded into MXNet, and right."""
import collections
import os
import threading
import warnings

from mxnet.base import _LIB, check_call

from .build import Unavailable, library
from .selfcheck import differences

# ready: whether they are used; reason: why not; remedy: what would help, or ''.
Status = collections.namedtuple('Status', ['ready', 'reason', 'remedy'])

_lock = threading.Lock()
_status = None


def status():
    """The `Status` of the operators. The first time they are built, loaded and tried.

    It never raises: whoever cannot have them goes on without.
    """
    global _status
    with _lock:
        if _status is None:
            _status = _load()
        return _status


def pending():
    """Whether `status` would have to compile them first, which takes about ten seconds."""
    try:
        return _status is None and library(build=False) is None
    except Unavailable:
        return False


def _load():
    try:
        path = library()
    except Unavailable as error:
        return Status(False, str(error), error.remedy)
    try:
        # mx.library.load would list MXNet's operators anew for Python, half a second for nothing.
        check_call(_LIB.MXLoadLib(os.fsencode(path), 0))
        wrong = differences()
    except Exception as error:  # whatever MXNet finds: the graph works without
        wrong = [str(error).strip().splitlines()[0]]
    if not wrong:
        return Status(True, '', '')
    reason = 'they do not compute here what the graph computes: ' + '; '.join(wrong)
    warnings.warn('The operators of gluonblocks are left alone, for %s. Training goes on with the '
                  'graph, slower.' % reason, RuntimeWarning, stacklevel=5)
    return Status(False, reason, 'remove %s, and report what is written here' % path)
