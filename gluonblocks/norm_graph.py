"""Batch normalization as a symbolic graph, for nets that are hybridized."""
import itertools
import json

import mxnet as mx

from .channels import Channels, center_on, scale_and_shift

_calls = itertools.count()


def batch_norm_graph(F, X, gamma, beta, moving_mean, moving_var, C, eps, momentum):
    """`batch_norm` as a graph that finds out at each run whether it trains, and moves the averages.

    Tracing happens once, so a Python `if` would freeze the mode (apache/mxnet#16926). Dropout is
    asked instead: at rate one half it makes a one into 0 or 2 while training, and leaves it 1
    otherwise. Both modes' statistics enter, and `where` picks.
    """
    # Marked by the call: MXNet merges equal nodes, and where a net uses one layer twice, the second
    # call would read the averages of before the first.
    with mx.AttrScope(__batch_norm_call__=str(next(_calls))):
        channels = Channels(F, X, C)
        old_mean, old_var = channels.column(moving_mean), channels.column(moving_var)
        predicting = F.Dropout(F.ones_like(old_mean), p=0.5) == 1
        center = F.BlockGrad(F.where(predicting, old_mean, channels.mean(channels.X)))
        D, rest, var = center_on(F, channels, center)

        def move(param, old, new):
            new = F.where(predicting, old, momentum * old + (1.0 - momentum) * F.BlockGrad(new))
            return F.BlockGrad(channels.column(_assign(F, param, F.reshape_like(new, param))))

        # Picked from what `move` returns, though it equals the old values: so the graph runs it.
        rest = F.where(predicting, move(moving_mean, old_mean, center + rest) - center, rest)
        var = F.where(predicting, move(moving_var, old_var, var), var)
        return F.reshape_like(scale_and_shift(F, channels, D, rest, var, gamma, beta, eps), X)


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
