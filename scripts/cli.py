"""What the commands share: errors without a traceback, and arguments."""
import argparse
import os
import sys


def positive(kind):
    """A type for argparse: a number of `kind`, int or float, above 0."""
    def number(text):
        value = kind(text)
        if not 0 < value < float('inf'):
            raise argparse.ArgumentTypeError('%s is not a positive number' % text)
        return value
    number.__name__ = kind.__name__
    return number


def add_run_arguments(parser):
    """Add what says which net is meant: a run's folder, which of its weights, and the device."""
    parser.add_argument('run', metavar='RUN', help='folder of a run, as training wrote it')
    parser.add_argument('--weights', choices=('best', 'last', 'final'), default='best',
                        help='which of the run; default: %(default)s')
    parser.add_argument('--ctx', metavar='DEVICE',
                        help='cpu, gpu, gpu:1, ...; default: the first GPU, or else the CPU')


def run(command, argv=None):
    """The exit code of `command(argv)`; its errors go to stderr in one line."""
    try:
        code = command(argv)
        sys.stdout.flush()  # so that a reader who is gone is met here
        return code
    except ModuleNotFoundError as error:
        print('error: %s\nInstall it from the repository: pip install -r requirements.txt' % error,
              file=sys.stderr)
    except KeyboardInterrupt as error:
        after_bar = '\n' if sys.stderr.isatty() else ''
        print(after_bar + ': '.join(filter(None, ['interrupted', str(error)])), file=sys.stderr)
        return getattr(error, 'exit_code', 130)
    except BrokenPipeError:  # the reader of stdout is gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's last flush
        return 141
    except (ArithmeticError, ImportError, OSError, ValueError, MemoryError) as error:
        print('error: %s' % error, file=sys.stderr)
    except RuntimeError as error:  # MXNet's own, which bring their C++ trace: the last line counts
        print('error: %s' % str(error).strip().splitlines()[-1], file=sys.stderr)
    return 1
