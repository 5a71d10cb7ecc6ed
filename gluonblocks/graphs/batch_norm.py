"""Batch normalization as a symbolic graph, for nets that are hybridized."""
import functools
import itertools
import json

import mxnet as mx
from mxnet.gluon import nn

from .channels import Channels, center_on, scale_and_shift

_calls = itertools.count()


@functools.lru_cache(maxsize=None)
def normalize_batch(num_channels, num_dims, eps):
    """The block (X, gamma, beta) -> (Y, mean, var) that normalizes X by the batch's statistics.

    One for all calls, and hybridized: MXNet then spends its time on the sums, where a call of
    each operator from Python, with new memory for each result, takes two to four times as long.
    """
    blk = _NormalizeBatch(num_channels, num_dims, eps)
    blk.hybridize(static_alloc=True)
    return blk


class _NormalizeBatch(nn.HybridBlock):
    def __init__(self, num_channels, num_dims, eps):
        super().__init__(prefix='normalize_batch_')
        self._num_channels, self._num_dims, self._eps = num_channels, num_dims, eps

    def hybrid_forward(self, F, X, gamma, beta):
        channels = Channels(F, X, self._num_channels, self._num_dims)
        center = channels.mean(F.BlockGrad(channels.X))
        D, rest, var = center_on(F, channels, center)
        Y = scale_and_shift(F, channels, D, rest, var, gamma, beta, self._eps)
        return Y, F.BlockGrad(center + rest), F.BlockGrad(var)


def batch_norm_graph(F, X, gamma, beta, moving_mean, moving_var, C, num_dims,
                     eps, momentum):
    """`batch_norm` as a graph that finds out at each run whether it trains, and moves the averages.

    Tracing happens once, so a Python `if` would freeze the mode (apache/mxnet#16926). Dropout is
    asked instead: at rate one half it makes a one into 0 or 2 while training, and leaves it 1
    otherwise. Both modes' statistics enter, and `where` picks.
    """
    # Marked by the call: MXNet merges equal nodes, and where a net uses one layer twice, the second
    # call would read the averages of before the first.
    with mx.AttrScope(__batch_norm_call__=str(next(_calls))):
        channels = Channels(F, X, C, num_dims)
        predicting = F.Dropout(F.ones_like(moving_mean), p=0.5) == 1
        center = F.where(predicting, moving_mean, channels.mean(F.BlockGrad(channels.X)))
        D, rest, var = center_on(F, channels, center)

        def move(param, new):
            new = F.where(predicting, param, momentum * param + (1.0 - momentum) * F.BlockGrad(new))
            return F.BlockGrad(_assign(F, param, new))

        # Picked from what `move` returns, though it equals the old values: so the graph runs it.
        rest = F.where(predicting, move(moving_mean, center + rest) - center, rest)
        var = F.where(predicting, move(moving_var, var), var)
        return scale_and_shift(F, channels, D, rest, var, gamma, beta, eps)


# MXNet's symbols cannot write a parameter, but for an optimizer's step: with learning rate -1 and
# no momentum it sets its state to the "gradient". The operator's own symbol function refuses its
# arguments (it gives them no names), so the node is written down and its inputs filled in. `attrs`
# tells the version of MXNet, which remarks on graphs of others: so they are any graph's of its own.
_STEP = json.dumps({
    'nodes': [{'op': 'null', 'name': name, 'inputs': []} for name in ('weight', 'grad', 'mom')] +
             [{'op': 'sgd_mom_update', 'name': 'assign', 'attrs': {'lr': '-1', 'momentum': '0'},
               'inputs': [[0, 0, 0], [1, 0, 0], [2, 0, 0]]}],
    'arg_nodes': [0, 1, 2], 'heads': [[3, 0, 0]],
    'attrs': json.loads(mx.sym.var('x').tojson())['attrs']})


def _assign(F, param, value):
    """The symbol that sets `param` to `value` and returns it."""
    step = mx.sym.load_json(_STEP)
    return step(weight=F.zeros_like(param), grad=value, mom=param, name=param.name + '_assign')
