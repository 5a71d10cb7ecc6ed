"""How a command ends: its errors in a line or a few, without a traceback, and its exit code."""
import sys

from .parser import flag_of
from .streams import StdoutError, give_up_stdout, prepare_streams


def run(command, parse):
    """The exit code of `command(parse())`; errors of both go to stderr. Works without MXNet."""
    prepare_streams()
    try:
        try:
            code = command(parse())
        finally:
            sys.stdout.flush()  # so that a reader who is gone, or a full disk, is met here
        return code
    except ModuleNotFoundError as error:
        _tell('%s\nInstall it: pip install %s' % (error, error.name))
    except KeyboardInterrupt as error:
        after_bar = '\n' if sys.stderr.isatty() else ''
        print(after_bar + ': '.join(filter(None, ['interrupted', str(error)])), file=sys.stderr)
        return getattr(error, 'exit_code', 130)
    except BrokenPipeError:  # the reader of stdout is gone, as with `| head`
        give_up_stdout()
        return 141
    except (ArithmeticError, ImportError, OSError, ValueError, MemoryError) as error:
        spelled = getattr(error, 'spelled', None)  # of a NamingError, whose class needs MXNet
        text = spelled(flag_of) if spelled else str(error)
        option = getattr(error, 'option', None)
        if option:
            _tell('argument %s: %s' % (flag_of(option), text))
            return 2
        if isinstance(error, OSError) and error.errno is not None and error.filename:
            text = '%s: %s' % (error.filename, error.strerror)  # without the error's number
        _tell(text or type(error).__name__)
        if isinstance(error, StdoutError):
            give_up_stdout()
    except RuntimeError as error:  # MXNet's own, which bring their C++ trace: the last line counts
        _tell(str(error).strip().splitlines()[-1])
    return 1


def _tell(text):
    print('error: %s' % text, file=sys.stderr)
