"""What an epoch came to, and the words for it."""
import collections

EpochRecord = collections.namedtuple('EpochRecord', 'epoch loss train_acc test_acc seconds')
EpochRecord.__doc__ = """One epoch, counted from 1: mean training loss per image, the share of
images classified rightly in training and in testing, and the seconds both took together."""


def epoch_line(record):
    """The line the book prints for an epoch."""
    return ('epoch %d, loss %.4f, train acc %.3f, test acc %.3f, time %.1f sec' % record)
