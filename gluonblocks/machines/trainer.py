"""A Trainer whose gradients are summed over the workers."""
from mxnet import gluon


class SumTrainer(gluon.Trainer):
    """As `gluon.Trainer`; before each update the gradients become their sums over all workers.

    `sum_gradients(gradients, mean)`, an `Exchange`'s, does it; `mean` is what the update multiplies
    by. Each worker then updates its own weights, by the same numbers. The weights never go through
    the KVStore: with `Trainer(kvstore=...)` the first gradients to arrive there may take their
    place, as its start does not wait. Overrides a private method; tried on MXNet 1.7 to 1.9.
    """

    def __init__(self, params, optimizer, optimizer_params=None, sum_gradients=None):
        super().__init__(params, optimizer, optimizer_params, kvstore=None)
        self._sum_gradients = sum_gradients

    def _allreduce_grads(self):
        self._sum_gradients([param.list_grad()[0] for param in self._params
                             if param.grad_req != 'null'], self._optimizer.rescale_grad)
