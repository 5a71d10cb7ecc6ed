"""A Trainer that all-reduces its gradients over the workers."""
from mxnet import gluon


class SumTrainer(gluon.Trainer):
    """A `gluon.Trainer` that replaces gradients by their sums over all workers before an update.

    `sum_gradients(gradients, mean)` does that, as in `Exchange`; `mean` is the optimizer's
    `rescale_grad`. Each worker has one device and updates its own weights by the same sums. The
    weights never go through the KVStore: in `Trainer(kvstore=...)`, which starts without a barrier,
    gradients may overwrite them. Overrides a private method; tried on MXNet 1.7 to 1.9.
    """

    def __init__(self, params, optimizer, optimizer_params=None, sum_gradients=None):
        super().__init__(params, optimizer, optimizer_params, kvstore=None)
        self._sum_gradients = sum_gradients

    def _allreduce_grads(self):
        self._sum_gradients([param.list_grad()[0] for param in self._params
                             if param.grad_req != 'null'], self._optimizer.rescale_grad)
