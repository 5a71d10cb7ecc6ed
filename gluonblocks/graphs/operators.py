"""Compile the C++ operators in `kernels`, load them into MXNet, and check them before use.

GLUONBLOCKS_OPERATORS=0 turns them off. Nets then train and predict with MXNet's own operators.
"""
import collections
import contextlib
import os
import threading
import warnings

from ..files import write_file
from ..machine.compiled import Unavailable
from ..mxnet_private import load_library
from .kernels.build import library

VARIABLE = 'GLUONBLOCKS_OPERATORS'

# ready: True if the operators can be used; reason: why they cannot; remedy: what the user can do,
# or ''; faulty: True if they were compiled but do not work.
Status = collections.namedtuple('Status', ['ready', 'reason', 'remedy', 'faulty'])

_lock = threading.Lock()
_status = _compiling = None
_warned = False


def are_on():
    """Return False if GLUONBLOCKS_OPERATORS is 0, True if 1 or unset; else raise ValueError."""
    value = os.environ.get(VARIABLE) or '1'
    if value not in ('0', '1'):
        raise ValueError('the environment variable %s must be 0 (off) or 1 (on, the default), got '
                         '%r' % (VARIABLE, value))
    return value == '1'


def available(build=True):
    """Return True if the C++ operators are enabled and work. The first call may compile them.

    If `build` is False, return False instead of compiling them, so that predictions need not wait
    for the compiler. Warns once if the operators are faulty, or if GLUONBLOCKS_OPERATORS is 1 and
    they cannot be used.
    """
    global _warned
    if not are_on() or not build and pending():
        return False
    now = status()
    if not now.ready and not _warned and (now.faulty or os.environ.get(VARIABLE)):
        _warned = True
        warnings.warn('the C++ operators are not used: %s. Nets use MXNet\'s own operators, '
                      'which are slower%s' % (now.reason, now.remedy and '. To fix this: '
                                              + now.remedy), RuntimeWarning, stacklevel=2)
    return now.ready


def start():
    """Start compiling the operators in the background if they are enabled and not loaded yet."""
    global _compiling
    with _lock:
        if are_on() and _status is None and _compiling is None:
            # This thread compiles the operators, but does not load them: loading changes MXNet's
            # operator tables, which other threads may be reading.
            _compiling = threading.Thread(target=_compile, daemon=True)
            _compiling.start()


def _compile():
    with contextlib.suppress(Unavailable):  # `status` will encounter and report the same error
        library()


def status():
    """Return the `Status` of the operators. The first call compiles, loads and checks them."""
    global _status
    with _lock:
        if _status is None:
            if _compiling:
                _compiling.join()
            _status = _load()
        return _status


def pending():
    """Return True if calling `status` would compile the operators, which takes several seconds."""
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
        wrong = _check(path)
    except Exception as error:  # MXNet's errors have several types
        lines = str(error).strip().splitlines()
        reason = 'MXNet cannot run them: ' + (lines[-1] if lines else repr(error))
    else:
        if not wrong:
            return Status(True, '', '', False)
        reason = 'their results differ from MXNet\'s: ' + '; '.join(wrong)
    return Status(False, reason, 'delete %s, and report this message if it appears again' % path,
                  True)


def _check(path):
    """Compare our operators with MXNet's; return a list of the results that differ.

    An empty file next to the operator library records that the check has passed. If the operators
    or MXNet are built differently, the library has another file name, so it is checked again.
    """
    if os.path.exists(path + '.passed'):
        return []
    from .kernels.selfcheck import differences
    wrong = differences()
    if not wrong:
        with contextlib.suppress(OSError):
            write_file(path + '.passed', b'', mode=0o600)
    return wrong
