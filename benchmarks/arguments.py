"""What the benchmarks' command lines take, checked before anything is measured."""
import argparse


def parser_of(text):
    """A parser whose help is `text`, a module's docstring, as it is."""
    return argparse.ArgumentParser(description=text,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)


def positive(text):
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError('%s is not a positive number' % text)
    return value


def model(text):
    """The name of a model that there is."""
    # Not imported with this file: the package sets variables that the processes measured inherit.
    from gluonblocks.models.registry import get_recipe
    try:
        get_recipe(text)
    except (ImportError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error))
    return text


def models(text):
    """Names of models, by commas."""
    return [model(name) for name in text.split(',')]
