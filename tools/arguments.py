"""Types of command-line arguments for several tools."""
import argparse


def some_of(allowed):
    """Return a type for comma-separated names, which it returns in the order of `allowed`."""
    def names(text):
        chosen = [name.strip() for name in text.split(',')]
        for name in chosen:
            if name not in allowed:
                raise argparse.ArgumentTypeError('expected names from %s, got %r'
                                                 % (', '.join(allowed), name))
        return [name for name in allowed if name in chosen]
    return names


def comma_separated(one):
    """Return a type for comma-separated values of the type `one`."""
    return lambda text: [one(value) for value in text.split(',')]


def positive(text):
    """Return a positive integer; use this function as a type."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError('expected a positive integer, got %r' % text)
    return int(text)
