"""Whether the operators can be had in this process: built, loaded into MXNet, and right."""
import collections
import os
import threading

from mxnet.base import _LIB, check_call

from .build import Unavailable, library
from .selfcheck import differences

# ready: whether they can be used; reason: why not; remedy: what would help, or ''; faulty: whether
# they are there, but do not work, which is nobody's wish.
Status = collections.namedtuple('Status', ['ready', 'reason', 'remedy', 'faulty'])

_lock = threading.Lock()
_status = None


def status():
    """The `Status` of the operators. The first time they are built, loaded and tried."""
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
        return Status(False, str(error), error.remedy, False)
    try:
        # mx.library.load would list MXNet's operators anew for Python, half a second for nothing.
        check_call(_LIB.MXLoadLib(os.fsencode(path), 0))
        wrong = differences()
    except Exception as error:  # whatever MXNet finds: the graph works without
        lines = str(error).strip().splitlines()
        reason = 'MXNet cannot run them: ' + (lines[-1] if lines else repr(error))
    else:
        if not wrong:
            return Status(True, '', '', False)
        reason = 'they do not compute here what the graph computes: ' + '; '.join(wrong)
    return Status(False, reason, 'remove %s, and report what is written here' % path, True)
