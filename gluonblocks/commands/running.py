"""How a command ends: its errors in a line or a few, without a traceback, and its exit code."""
import os
import sys


def run(command, parse):
    """The exit code of `command(parse())`; errors of both go to stderr."""
    from ..runs.options import OptionError
    from .arguments import flag_of
    try:
        code = command(parse())
        sys.stdout.flush()  # so that a reader who is gone is met here
        return code
    except ModuleNotFoundError as error:
        _tell('%s\nInstall it: pip install %s' % (error, error.name))
    except KeyboardInterrupt as error:
        after_bar = '\n' if sys.stderr.isatty() else ''
        print(after_bar + ': '.join(filter(None, ['interrupted', str(error)])), file=sys.stderr)
        return getattr(error, 'exit_code', 130)
    except BrokenPipeError:  # the reader of stdout is gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's last flush
        return 141
    except OptionError as error:
        _tell('argument %s: %s' % (flag_of(error.option), error.message))
        return 2
    except (ArithmeticError, ImportError, OSError, ValueError, MemoryError) as error:
        _tell(str(error) or type(error).__name__)
    except RuntimeError as error:  # MXNet's own, which bring their C++ trace: the last line counts
        _tell(str(error).strip().splitlines()[-1])
    return 1


def _tell(text):
    print('error: %s' % text, file=sys.stderr)
