"""Standard streams that are closed or full: what is lost then is said, or was not wanted."""
import os
import sys
from typing import Optional


def prepare_streams():
    """Make each closed stream swallow what it gets, and stderr never a reason to fail.

    Where a stream is closed, Python has None in its place, and the next file that is opened would
    get its number, and whatever is written to it by that number.
    """
    for number, name, mode in [(0, 'stdin', 'r'), (1, 'stdout', 'w'), (2, 'stderr', 'w')]:
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets this number: the lowest that is free
        setattr(sys, name, open(os.devnull, mode))
    for stream in (sys.stdout, sys.stderr):
        # File names need not be text.
        stream.reconfigure(errors='backslashreplace')  # type: ignore[union-attr]
    sys.stdout, sys.stderr = _Named(sys.stdout), _Forgiving(sys.stderr)  # type: ignore


class StdoutError(OSError):
    """What was printed could not be written."""


def give_up_stdout():
    """Have Python's own last flush succeed, where stdout cannot be written."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    sys.stdout = os.fdopen(null, 'w')


class _Wrapped:
    def __init__(self, stream):
        self._stream = stream

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        return self._try(self._stream.write, text)

    def flush(self):
        return self._try(self._stream.flush)


class _Named(_Wrapped):
    """stdout, whose errors say that they are its, and come again: argparse drops the first."""

    _error: Optional[OSError] = None

    def _try(self, function, *args):
        if self._error is None:
            try:
                return function(*args)
            except BrokenPipeError as error:
                self._error = error
            except OSError as error:
                self._error = StdoutError('stdout could not be written: %s'
                                          % (error.strerror or error))
        raise self._error


class _Forgiving(_Wrapped):
    """stderr, whose disk may be full: what does not get there is lost, and nothing else."""

    def _try(self, function, *args):
        try:
            return function(*args)
        except OSError:
            return None
