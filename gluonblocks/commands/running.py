"""Run a command, print its errors without a traceback, and return the exit code."""
import atexit
import os
import sys
import warnings

from .parser import flag_of

PACKAGE = os.path.join(os.path.realpath(os.path.dirname(os.path.dirname(__file__))), '')
_default_format = warnings.formatwarning


class StdoutError(OSError):
    """Raised if a write to stdout fails, for example because the disk is full."""


def exit_process(code):
    """Run the functions registered with `atexit`, and exit with `code`.

    Skip the destructors of MXNet's library. After Ctrl-C on a busy machine, they would abort about
    one process in twenty with "terminate called without an active exception".
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # a closed stream; `run` has reported it
            pass
    os._exit(code)


def run(command, parse):
    """Run `command(parse())`, print errors to stderr, and return the exit code."""
    _prepare_streams()
    warnings.formatwarning = _format_warning
    try:
        try:
            return command(parse())
        finally:
            sys.stdout.flush()  # so that a closed pipe or a full disk raises an error here
    except ModuleNotFoundError as error:
        _print_error('%s\nInstall it: pip install %s' % (error, error.name))
    except KeyboardInterrupt as error:
        newline = '\n' if sys.stderr.isatty() else ''  # a progress bar may be on this line
        print(newline + ': '.join(filter(None, ['interrupted', str(error)])), file=sys.stderr)
        return getattr(error, 'exit_code', 130)
    except BrokenPipeError:  # the reader of stdout has exited, as in `| head`
        _discard_stdout()
        return 141
    except (ArithmeticError, ImportError, OSError, ValueError, MemoryError) as error:
        spelled = getattr(error, 'spelled', None)  # an OptionError; importing it requires MXNet
        text = spelled(flag_of) if spelled else str(error)
        option = getattr(error, 'option', None)
        if option:
            _print_error('argument %s: %s' % (flag_of(option), text))
            return 2
        if isinstance(error, OSError) and error.errno is not None and error.filename:
            text = '%s: %s' % (error.filename, error.strerror)  # without the error number
        _print_error(text or type(error).__name__)
        if isinstance(error, StdoutError):
            _discard_stdout()
    except RuntimeError as error:  # in MXNet's errors, the message follows a C++ stack trace
        if not str(error).strip():  # a user's block lacks `forward`: show the traceback
            raise
        _print_error(str(error).strip().splitlines()[-1])
    return 1


def _prepare_streams():
    """Redirect closed standard streams to /dev/null; escape characters that cannot be encoded."""
    for name, mode in [('stdin', 'r'), ('stdout', 'w'), ('stderr', 'w')]:
        if getattr(sys, name) is None:
            # Opening /dev/null occupies the closed stream's descriptor, the lowest free one. If the
            # next file to be opened got that descriptor, C libraries would print into the file.
            setattr(sys, name, open(os.devnull, mode))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors='backslashreplace')  # type: ignore[union-attr]
    sys.stdout, sys.stderr = _Stream(sys.stdout, True), _Stream(sys.stderr)  # type: ignore


class _Stream:
    """A standard stream that ignores write errors, unless its output is `needed`.

    If the output is needed, each write or flush after a failed write raises the same error again,
    because argparse ignores the first exception.
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
                    'could not write to stdout: %s' % (error.strerror or error))
        raise self._error


def _discard_stdout():
    """Redirect stdout to /dev/null, so that Python's flush at exit cannot fail."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    sys.stdout = os.fdopen(null, 'w')


def _format_warning(message, category, filename, lineno, line=None):
    """Format a warning from this package without the line of code that raised it."""
    if os.path.realpath(filename).startswith(PACKAGE):
        return 'warning: %s\n' % message
    return _default_format(message, category, filename, lineno, line)


def _print_error(text):
    print('error: %s' % text, file=sys.stderr)
