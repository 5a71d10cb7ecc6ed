"""What a graph lacks: to know whether it trains, and to set a parameter.

A net is traced once, so a Python `if autograd.is_training()` would freeze the mode of the first
call (apache/mxnet#16926), and an assignment would not be traced at all.
"""
import itertools
import json

import mxnet as mx

MARK = '__batch_norm_call__'
NORM = '__batch_norm__'
_calls = itertools.count()


def marked(params=None, **settings):
    """Within it, the nodes of one layer's call are marked as its own.

    MXNet merges equal nodes: where a net uses one layer twice, the second call would read the
    averages of before the first. `params`, the symbols of gamma, beta and the averages, and
    `settings` are written there for who puts something else in the nodes' place (see `operators`).
    """
    marks = {MARK: str(next(_calls))}
    if params:
        marks[NORM] = json.dumps(dict(settings, params=[param.name for param in params]))
    return mx.AttrScope(**marks)


def predicting(F, shape):
    """Ones of `shape` if the graph predicts, zeros if it trains, found out at each run.

    Dropout tells: at rate one half it makes a one into 0 or 2 while training, and leaves it 1
    otherwise. The type is written down, for where casts are put into a graph (mx.contrib.amp), the
    types of parameters are not known, and Dropout asks for its input's.
    """
    return F.Dropout(F.ones(shape=shape, dtype='float32'), p=0.5) == 1


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


def assign(F, param, value):
    """The symbol that sets `param` to `value` and returns it."""
    step = mx.sym.load_json(_STEP)
    return step(weight=F.zeros_like(param), grad=value, mom=param, name=param.name + '_assign')


def follow(F, predicts, average, batch, momentum):
    """The batch's number, toward which the average moves, or, predicting, the average."""
    moved = momentum * average + (1.0 - momentum) * F.BlockGrad(batch)
    moved = F.BlockGrad(assign(F, average, F.where(predicts, average, moved)))
    # `moved` is the average where it is picked: it is named so that the graph runs the assignment.
    return F.where(predicts, moved, batch)
