"""Arguments that several commands share: the run that is meant, its weights, and the device."""
import argparse

from ..devices import devices_of
from ..runs.load import WEIGHTS


def add_run_arguments(parser):
    """Add the arguments that name a net: the folder of its run, which weights, and the device."""
    parser.add_argument('run', metavar='RUN', help='folder of a run, as training wrote it')
    add_weights_arguments(parser)


def add_weights_arguments(parser):
    """Add --weights and --ctx."""
    parser.add_argument('--weights', choices=WEIGHTS, default='best',
                        help='which weights of the run; default: %(default)s')
    parser.add_argument('--ctx', metavar='DEVICE', type=device,
                        help='cpu, gpu, gpu:1, ...; default: the first GPU, or else the CPU')


def add_data_root(parser):
    """Add --data-root."""
    parser.add_argument('--data-root', metavar='FOLDER',
                        help="folder of the data; default: as in the run's training")


def device(text):
    """A type for argparse: one or several devices that exist; returns their name."""
    try:
        devices_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(error)
    return text
