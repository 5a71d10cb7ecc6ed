"""The C++ operators of `kernels`: compiled, loaded into MXNet, and checked before they are used.

GLUONBLOCKS_OPERATORS=0 turns them off; nets then train and predict with MXNet's own operators.
"""
import collections
import contextlib
import hashlib
import json
import os
import threading
import warnings

import mxnet as mx

from ..files import write_file
from ..mxnet_private import load_library
from .kernels.build import Unavailable, library

VARIABLE = 'GLUONBLOCKS_OPERATORS'

# ready: the operators can be used; reason: why not; remedy: what would help, or ''; faulty: they
# were built, but do not work.
Status = collections.namedtuple('Status', ['ready', 'reason', 'remedy', 'faulty'])

_lock = threading.Lock()
_status = _compiling = None
_warned = False


def are_on():
    """Return False if the environment turns the operators off; ValueError if it is not 0 or 1."""
    value = os.environ.get(VARIABLE) or '1'
    if value not in ('0', '1'):
        raise ValueError('the environment variable %s must be 0 (off) or 1 (on, the default), got '
                         '%r' % (VARIABLE, value))
    return value == '1'


def available(build=True):
    """Return True if the operators are on and can be used. The first call may compile them.

    With `build=False` they are not compiled: who only predicts does not wait for that.
    A RuntimeWarning says once if they do not work, or if they are asked for and cannot be used.
    """
    global _warned
    if not are_on() or not build and pending():
        return False
    now = status()
    if not now.ready and not _warned and (now.faulty or os.environ.get(VARIABLE)):
        _warned = True
        warnings.warn('the C++ operators are not used: %s. Nets use MXNet\'s own operators, '
                      'which are slower%s' % (now.reason, now.remedy and '. To use ours: '
                                              + now.remedy), RuntimeWarning, stacklevel=2)
    return now.ready


def start():
    """Begin to compile the operators in the background, if they are on and not there yet."""
    global _compiling
    with _lock:
        if are_on() and _status is None and _compiling is None:
            # Only the compiler runs there: loading changes MXNet's lists, which others may read.
            _compiling = threading.Thread(target=_compile, daemon=True)
            _compiling.start()


def _compile():
    with contextlib.suppress(Unavailable):  # `status` finds the same, and says so
        library()


def status():
    """The `Status` of the operators. The first call compiles, loads and checks them."""
    global _status
    with _lock:
        if _status is None:
            if _compiling:
                _compiling.join()
            _status = _load()
        return _status


def pending():
    """Return True if `status` would have to compile them first, which takes seconds."""
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
        load_library(os.fsencode(path))
        wrong = [] if _has_passed(path) else _check(path)
    except Exception as error:  # whatever MXNet finds
        lines = str(error).strip().splitlines()
        reason = 'MXNet cannot run them: ' + (lines[-1] if lines else repr(error))
    else:
        if not wrong:
            return Status(True, '', '', False)
        reason = 'their results differ from MXNet\'s: ' + '; '.join(wrong)
    return Status(False, reason, 'delete %s, and report this message if it comes again' % path,
                  True)


def _check(path):
    """Compare the operators with MXNet's; note a pass beside the library, never a failure."""
    from .kernels.selfcheck import differences
    wrong = differences()
    if not wrong:
        with contextlib.suppress(OSError):
            write_file(path + '.passed', json.dumps(_identity(path)).encode(), mode=0o600)
    return wrong


def _has_passed(path):
    """Return True if this very library has passed the check with this very MXNet."""
    try:
        with open(path + '.passed') as f:
            return json.load(f) == _identity(path)
    except (OSError, ValueError):
        return False


def _identity(path):
    state = os.stat(mx.libinfo.find_lib_path()[0])
    with open(path, 'rb') as f:
        return {'library': hashlib.sha256(f.read()).hexdigest(),
                'libmxnet': [state.st_size, state.st_mtime_ns]}
