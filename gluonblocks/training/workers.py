"""What the loop asks of the workers that share each batch; one process alone is all of them."""
from mxnet import gluon

from .interrupt import DeferredInterrupt


class Alone:
    """The only process: what it counts is all that there is, and nobody is to be met.

    `part` is its share of the data, for their loaders, `trainer` makes its Trainer and `interrupt`
    the context within which Ctrl-C waits.
    """

    part, rank, num_workers = None, 0, 1
    trainer, interrupt = gluon.Trainer, DeferredInterrupt

    def devices(self, devices):
        """Which of `devices`, those of a run, are this process's."""
        return devices

    def join(self, facts):
        """Meet the others, for whom `facts()`, a dict, must be the same."""

    def total(self, *numbers):
        """The sums of `numbers` over all workers."""
        return numbers

    def meet(self, net, num_images):
        """Make `net` one and the same for all workers, after an epoch's steps over `num_images`."""

    def mark(self, phase='training', step=None):
        """Note what this process does, and after which step."""
