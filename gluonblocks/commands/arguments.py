"""Arguments that several commands share: the run, its weights and the device."""
import argparse

from ..devices import devices_of
from ..runs.load import WEIGHTS


def add_run_arguments(parser):
    """Add the arguments that select a trained net: the run folder, the weights and the device."""
    parser.add_argument('run', metavar='RUN', help='run folder, created by gluonblocks train')
    add_weights_arguments(parser)


def add_weights_arguments(parser):
    """Add the options --weights and --ctx."""
    parser.add_argument('--weights', choices=WEIGHTS, default='best',
                        help='weights to load: best (highest test accuracy), last (newest '
                        'checkpoint) or final (end of the run) (default: %(default)s)')
    parser.add_argument('--ctx', metavar='DEVICE', type=device,
                        help='device to run on: cpu, gpu, gpu:1, ... (default: the first GPU if '
                        'there is one, otherwise the CPU)')


def add_data_root(parser):
    """Add the option --data-root."""
    parser.add_argument('--data-root', metavar='FOLDER',
                        help='folder that contains the data set (default: the folder that was used '
                        'for training)')


def device(text):
    """An argparse type that accepts `text` only if it names available devices."""
    try:
        devices_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(error)
    return text
