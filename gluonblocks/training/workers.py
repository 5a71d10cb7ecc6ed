"""What the loop asks of the workers that share each batch; one process alone is all of them."""


class Alone:
    """The only process: what it counts is all that there is, and nobody is to be met."""

    def total(self, *numbers):
        """The sums of `numbers` over all workers."""
        return numbers

    def meet(self, net):
        """Make `net` one and the same for all workers, after an epoch's steps."""
