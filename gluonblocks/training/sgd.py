"""MXNet's stochastic gradient descent, by an operator of ours where that is there."""
import mxnet as mx
import numpy as np

from ..graphs.operators import available
from ..graphs.sgd import sgd_update

MIN_SIZE = 1 << 18  # numbers in several arrays from which on our operator is faster


class SGD(mx.optimizer.SGD):
    """`mx.optimizer.SGD`: its arguments, its numbers to the last bit, in less time on a CPU.

        trainer = gluon.Trainer(net.collect_params(), gb.training.SGD(learning_rate=0.1))

    MXNet's operator computes value by value; ours, unless the operators are off, as fast as memory
    gives and takes them. Few weights, gradients that are clipped, sparse arrays, other types
    than float32 and GPUs are MXNet's as ever. Calls private methods of MXNet's optimizers, which
    its own ones call; tried on MXNet 1.9, which the operators take.
    """

    def update_multi_precision(self, index, weight, grad, state):
        """A step of several parameters, given as lists, or of one."""
        if not self._is_ours(weight, grad):
            super().update_multi_precision(index, weight, grad, state)
            return
        self._update_count(index)
        sgd_update(weight, grad, state if self.momentum else None, self.rescale_grad, self.momentum,
                   self._get_lrs(index), self._get_wds(index))

    def _is_ours(self, weights, grads):
        return (isinstance(weights, (list, tuple)) and self.momentum >= 0 and not self.clip_gradient
                and weights[0].dtype == np.float32 and weights[0].context.device_type == 'cpu'
                and all(array.stype == 'default' for array in (*weights, *grads))
                and sum(array.size for array in weights) >= MIN_SIZE and available())
