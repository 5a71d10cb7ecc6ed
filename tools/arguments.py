"""Argument types that the command-line tools share."""
import argparse


def some_of(allowed):
    """Return an argparse type that turns comma-separated names into a list ordered as `allowed`."""
    def names(text):
        chosen = [name.strip() for name in text.split(',')]
        for name in chosen:
            if name not in allowed:
                raise argparse.ArgumentTypeError('expected one of %s, got %r'
                                                 % (', '.join(allowed), name))
        return [name for name in allowed if name in chosen]
    return names


def comma_separated(one):
    """Return an argparse type that splits text at commas and converts each part with `one`."""
    return lambda text: [one(value) for value in text.split(',')]


def positive(text):
    """An argparse type that converts `text` to a positive integer."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError('expected a positive integer, got %r' % text)
    return int(text)
