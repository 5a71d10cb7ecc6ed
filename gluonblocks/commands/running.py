"""Run a command, print its errors without a traceback, and return its exit code."""
import atexit
import os
import sys

from .parser import flag_of


class StdoutError(OSError):
    """Raised when writing to stdout fails, for example because the disk is full."""


def leave(code):
    """End this process with the exit code `code`, after all that Python does at its exit.

    The destructors of MXNet's library do not run: after Ctrl-C on a busy machine, one of twenty
    processes would end in "terminate called without an active exception" and SIGABRT.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # a closed stream, which has been reported
            pass
    os._exit(code)


def run(command, parse):
    """Return the exit code of `command(parse())`; print errors to stderr. Works without MXNet."""
    _prepare_streams()
    try:
        try:
            return command(parse())
        finally:
            sys.stdout.flush()  # raise errors of a closed pipe or a full disk here
    except ModuleNotFoundError as error:
        _print_error('%s\nInstall it: pip install %s' % (error, error.name))
    except KeyboardInterrupt as error:
        after_bar = '\n' if sys.stderr.isatty() else ''
        print(after_bar + ': '.join(filter(None, ['interrupted', str(error)])), file=sys.stderr)
        return getattr(error, 'exit_code', 130)
    except BrokenPipeError:  # the reader of stdout has exited, as in `| head`
        _give_up_stdout()
        return 141
    except (ArithmeticError, ImportError, OSError, ValueError, MemoryError) as error:
        spelled = getattr(error, 'spelled', None)  # an OptionError, whose class needs MXNet
        text = spelled(flag_of) if spelled else str(error)
        option = getattr(error, 'option', None)
        if option:
            _print_error('argument %s: %s' % (flag_of(option), text))
            return 2
        if isinstance(error, OSError) and error.errno is not None and error.filename:
            text = '%s: %s' % (error.filename, error.strerror)  # without the errno
        _print_error(text or type(error).__name__)
        if isinstance(error, StdoutError):
            _give_up_stdout()
    except RuntimeError as error:  # MXNet's errors end in the message, after a C++ trace
        _print_error(str(error).strip().splitlines()[-1])
    return 1


def _prepare_streams():
    """Replace closed streams with /dev/null, and escape characters that cannot be printed."""
    for name, mode in [('stdin', 'r'), ('stdout', 'w'), ('stderr', 'w')]:
        if getattr(sys, name) is None:
            # /dev/null gets the closed stream's file descriptor, the lowest that is free. Otherwise
            # the next file opened would get it, along with anything a library writes there.
            setattr(sys, name, open(os.devnull, mode))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors='backslashreplace')  # type: ignore[union-attr]
    sys.stdout, sys.stderr = _Stream(sys.stdout, True), _Stream(sys.stderr)  # type: ignore


class _Stream:
    """A standard stream whose errors do not stop the work, unless its output is `needed`.

    If the output is needed, the first error is raised again at each later use, because argparse
    ignores it once.
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


def _give_up_stdout():
    """Redirect stdout to /dev/null, so that the flush at Python's exit succeeds."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    sys.stdout = os.fdopen(null, 'w')


def _print_error(text):
    print('error: %s' % text, file=sys.stderr)
