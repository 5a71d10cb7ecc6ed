"""Arguments that several command lines share: the options of a run, and which run is meant."""
import argparse
import math

from ..devices import devices_of
from ..runs.load import WEIGHTS
from ..runs.options import FEATURE, FOLDER, MACHINES, OPTIONS, STARTING, OptionError
from .parser import flag_of


def add_options(parser):
    """Add a flag for each option of a run; what is not given is None."""
    groups = {'': parser,
              FOLDER: parser.add_argument_group('for a run that is kept in a folder'),
              FEATURE: parser.add_argument_group("what the book does not do; unset, it is the "
                                                 "book's"),
              MACHINES: parser.add_argument_group('for several processes and machines')}
    for option in [*OPTIONS.values(), *STARTING.values()]:
        how = {'help': _help(option), 'default': None}
        if option.kind is bool:
            how['action'] = 'store_true'
        else:
            how.update(type=device if option.name == 'ctx' else _reader(option),
                       metavar=option.metavar)
        groups[option.group].add_argument(flag_of(option.name), **how)


def given_options(args):
    """The options among the arguments that were given, by name."""
    return {name: getattr(args, name) for name in [*OPTIONS, *STARTING]
            if getattr(args, name) is not None}


def add_run_arguments(parser):
    """Add what says which net is meant: a run's folder, which of its weights, and the device."""
    parser.add_argument('run', metavar='RUN', help='folder of a run, as training wrote it')
    parser.add_argument('--weights', choices=WEIGHTS, default='best',
                        help='which of the run; default: %(default)s')
    parser.add_argument('--ctx', metavar='DEVICE', type=device,
                        help='cpu, gpu, gpu:1, ...; default: the first GPU, or else the CPU')


def device(text):
    """A type for argparse: a device or several that are there, as the name that was given."""
    try:
        devices_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(error)
    return text


def positive(text):
    """A type for argparse: a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError('%s is not a positive whole number' % text)
    return int(text)


def from_zero(text):
    """A type for argparse: a number from 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError('%s is no number from 0' % text)
    return value


def _help(option):
    default = option.unset if option.default is None else option.default
    parts = [option.help]
    if option.choices and option.kind is str:
        parts.append('one of %s' % option.described_choices())
    if option.kind is not bool:
        parts.append('default: %s' % default)
    return '; '.join(parts).replace('%', '%%')


def _reader(option):
    """A type for argparse: text -> a value of the option; it says what is allowed."""
    def read(text):
        try:
            if option.kind is list:
                value = [int(part) for part in text.split(',')]
            else:
                value = option.kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError('%r is no %s' % (text, {
                int: 'whole number', float: 'number', list: 'list of whole numbers, as 30,60'}[
                    option.kind]))
        try:
            option.check(value)
        except OptionError as error:
            raise argparse.ArgumentTypeError(error.message)
        return value
    return read
