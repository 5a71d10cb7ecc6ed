"""Types of command-line arguments that several tools share."""
import argparse


def some_of(allowed):
    """A type for a comma-separated list of `allowed` names, which come in the order of those."""
    def names(text):
        chosen = [name.strip() for name in text.split(',')]
        for name in chosen:
            if name not in allowed:
                raise argparse.ArgumentTypeError('%r is none of %s' % (name, ', '.join(allowed)))
        return [name for name in allowed if name in chosen]
    return names


def comma_separated(one):
    """A type for a comma-separated list of values of the type `one`."""
    return lambda text: [one(part) for part in text.split(',')]


def positive(text):
    """A type for a positive integer."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError('%s is not a positive number' % text)
    return int(text)
