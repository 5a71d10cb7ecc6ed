"""How a command ends: its errors in a line or a few, without a traceback, and its exit code."""
import os
import sys

from .parser import flag_of


class StdoutError(OSError):
    """Output could not be written to stdout, for example because a disk is full."""


def run(command, parse):
    """The exit code of `command(parse())`; errors of both go to stderr. Works without MXNet."""
    _prepare_streams()
    try:
        try:
            return command(parse())
        finally:
            sys.stdout.flush()  # so that a reader who is gone, or a full disk, is met here
    except ModuleNotFoundError as error:
        _tell('%s\nInstall it: pip install %s' % (error, error.name))
    except KeyboardInterrupt as error:
        after_bar = '\n' if sys.stderr.isatty() else ''
        print(after_bar + ': '.join(filter(None, ['interrupted', str(error)])), file=sys.stderr)
        return getattr(error, 'exit_code', 130)
    except BrokenPipeError:  # the reader of stdout is gone, as with `| head`
        _give_up_stdout()
        return 141
    except (ArithmeticError, ImportError, OSError, ValueError, MemoryError) as error:
        spelled = getattr(error, 'spelled', None)  # of an OptionError, whose class needs MXNet
        text = spelled(flag_of) if spelled else str(error)
        option = getattr(error, 'option', None)
        if option:
            _tell('argument %s: %s' % (flag_of(option), text))
            return 2
        if isinstance(error, OSError) and error.errno is not None and error.filename:
            text = '%s: %s' % (error.filename, error.strerror)  # without the error's number
        _tell(text or type(error).__name__)
        if isinstance(error, StdoutError):
            _give_up_stdout()
    except RuntimeError as error:  # MXNet's own, which bring their C++ trace: the last line counts
        _tell(str(error).strip().splitlines()[-1])
    return 1


def _prepare_streams():
    """Replace closed streams by /dev/null, and print file names that are not valid text."""
    for name, mode in [('stdin', 'r'), ('stdout', 'w'), ('stderr', 'w')]:
        if getattr(sys, name) is None:
            # It gets the closed stream's own number, the lowest that is free. Otherwise the next
            # file to be opened would get it, and whatever a library writes to that number.
            setattr(sys, name, open(os.devnull, mode))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors='backslashreplace')  # type: ignore[union-attr]
    sys.stdout, sys.stderr = _Stream(sys.stdout, True), _Stream(sys.stderr)  # type: ignore


class _Stream:
    """A standard stream that may fail: progress is lost then, but not the work.

    If its text is `needed`, the first error is raised, and again at each use: argparse ignores one.
    """

    def __init__(self, stream, needed=False):
        self._stream, self._needed, self._error = stream, needed, None

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        return self._try(self._stream.write, text)

    def flush(self):
        return self._try(self._stream.flush)

    def _try(self, function, *args):
        if not self._error:
            try:
                return function(*args)
            except OSError as error:
                if not self._needed:
                    return None
                self._error = error if isinstance(error, BrokenPipeError) else StdoutError(
                    'stdout could not be written: %s' % (error.strerror or error))
        raise self._error


def _give_up_stdout():
    """Redirect stdout to /dev/null, so that Python's last flush succeeds."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    sys.stdout = os.fdopen(null, 'w')


def _tell(text):
    print('error: %s' % text, file=sys.stderr)
