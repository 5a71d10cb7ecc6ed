"""A net's training graph with the operators of `kernels` in the place of what they compute.

Rewritings of the graph that Gluon traced, each only where it is known to hold and to be faster:

- convolution + batch norm + activation + max-pooling, of few channels -> one `stage`. oneDNN has
  fast kernels for channels in eights; others it computes as matrix products, with copies.
- batch norm (+ activation) -> one `norm`: two passes over the numbers forward, and two backward.
- convolutions on maps of a few pixels -> products of matrices (see `small_maps`).

A convolution in eights hands on its output in an order of oneDNN's own, which its batch norm takes
as it is and our `norm` would have put back: so `nn.BatchNorm` after one stays. `gb.BatchNorm`'s
graph has it put back too.
"""
import json

from .mode import MARK, NORM
from .rewriting import (
    OURS,
    Graph,
    are_requested,
    is_plain_convolution,
    is_plain_norm,
    pair,
    tuple_of,
)
from .small_maps import multiply_small_maps

_FUSED = ('sigmoid', 'relu')  # activations that the operators have
MAX_CHANNELS = 32  # of a stage's output; its input may have half of them


def use_operators(symbol, requests, asked=(), **shapes):
    """The graph `symbol` with our operators, for training on inputs of `shapes`, as data=(N, ...).

    `requests` has the `grad_req` of the float32 parameters by name: only what takes parameters of
    which all gradients are written is replaced. `asked` names the inputs whose gradient is asked
    for. It may have to be added to another, which the operators cannot: of these they get a copy.
    """
    graph = Graph(symbol)
    norms = [norm for norm in _norms(graph) if _fits(graph, norm, requests)]
    entries = [norm.inputs[0] for norm in norms]
    entries += [graph.nodes[i]['inputs'][0] for i, _, _ in entries
                if graph.nodes[i]['op'] == 'Convolution']
    sizes = graph.sizes(entries, shapes)
    replaced = [_stage(graph, norm, requests, sizes) or _norm(graph, norm, sizes)
                for norm in norms]
    replaced.append(multiply_small_maps(graph, requests, shapes))
    return graph.symbol(requests, asked) if any(replaced) else symbol


class _Norm:
    """A batch norm of a graph: `inputs` are the entries of X, gamma, beta and both averages.

    `members` are the numbers of the nodes that it is made of, and `output` of the one that gives Y.
    """

    def __init__(self, inputs, members, output, eps, momentum, ours):
        self.inputs, self.members, self.output = inputs, members, output
        self.attrs, self.ours = {'eps': eps, 'momentum': momentum}, ours


def _norms(graph):
    """The batch norms of a graph that normalize by the batch, `nn.BatchNorm` and `gb.BatchNorm`."""
    groups = {}
    for i, node in enumerate(graph.nodes):
        attrs = node.get('attrs', {})
        if NORM in attrs:
            groups.setdefault(attrs[MARK], set()).add(i)
        elif is_plain_norm(node):
            yield _Norm(node['inputs'], {i}, i, attrs.get('eps', '1e-3'),
                        attrs.get('momentum', '0.9'), ours=False)
    for members in groups.values():
        norm = _ours(graph, members)
        if norm:
            yield norm


def _ours(graph, members):
    """The `_Norm` that the marked nodes `members` are, or None if there is more to them."""
    # The node that moves an average is read from JSON, and has no mark.
    members |= {j for i in members for j, _, _ in graph.nodes[i]['inputs']
                if graph.nodes[j]['op'] == 'sgd_mom_update'}
    said = json.loads(next(attrs[NORM] for attrs in (graph.nodes[i].get('attrs', {})
                                                     for i in members) if NORM in attrs))
    outside = {(j, k) for i in members for j, k, _ in graph.nodes[i]['inputs'] if j not in members}
    params = {graph.nodes[j]['name']: (j, k) for j, k in outside if graph.nodes[j]['op'] == 'null'}
    roles = [params.get(name) for name in said['params']]
    data = outside - set(roles)
    outputs = {(i, k) for (i, k), users in graph.users.items()
               if i in members and not set(users) <= members}
    outputs |= {head for head in graph.heads if head[0] in members}
    if None in roles or len(data) != 1 or len(outputs) != 1:
        return None
    (output, k), = outputs
    if k:
        return None
    return _Norm([[i, k, 0] for i, k in [data.pop()] + roles], members, output,
                 repr(said['eps']), repr(said['momentum']), ours=True)


def _fits(graph, norm, requests):
    """Whether nothing else takes what `norm` takes, and all is written as our operator writes."""
    return (all(graph.only_user(entry, norm.members) is not None for entry in norm.inputs)
            and are_requested('write', graph, norm.inputs[1:3], requests)
            and are_requested('null', graph, norm.inputs[3:], requests))


def _activation(graph, i):
    """(number, act_type) of the activation after node `i`, or (None, '')."""
    j = graph.next(i, 'Activation')
    return (None, '') if j is None else (j, graph.nodes[j]['attrs']['act_type'])


def _norm(graph, norm, sizes):
    """Put a `norm` in the place of a batch norm and its activation; whether it was done."""
    size = sizes.get(tuple(norm.inputs[0][:2]))
    if size is None or len(size) not in (2, 4):
        return False
    if len(size) == 4 and not norm.ours and not _after_slow_convolution(graph, norm, sizes):
        return False
    attrs, members, last = dict(norm.attrs), set(norm.members), norm.output
    act, kind = _activation(graph, norm.output)
    if kind in _FUSED:
        attrs['activation'], last = kind, act
        members.add(act)
    graph.replace(members, last, _node('norm', graph.nodes[norm.output], norm.inputs, attrs))
    return True


def _stage(graph, norm, requests, sizes):
    """Put a `stage` in the place of the nodes around a batch norm; whether it was done."""
    i = norm.inputs[0][0]
    conv, size = graph.nodes[i], sizes.get(tuple(norm.inputs[0][:2]))
    if not is_plain_convolution(conv) or size is None or not _is_staged(conv):
        return False
    if not are_requested('write', graph, conv['inputs'][1:], requests) or any(
            graph.only_user(entry) is None for entry in conv['inputs']):
        return False
    if not _after_slow_convolution(graph, norm, sizes) or size[1] > MAX_CHANNELS or (
            _given(graph, norm, sizes)[1] > MAX_CHANNELS // 2):
        return False
    members, last = set(norm.members) | {i}, norm.output
    attrs = dict(norm.attrs, channels=size[1], bias=len(conv['inputs']) - 2,
                 kernel=pair(conv, 'kernel'), pad=pair(conv, 'pad', (0, 0)))
    act, kind = _activation(graph, last)
    if act is not None:
        if kind not in _FUSED:
            return False
        attrs['activation'], last = kind, act
        members.add(act)
    pool = _pooling(graph, last, size)
    if pool is not None:
        attrs.update(window=pair(graph.nodes[pool], 'kernel'),
                     stride=pair(graph.nodes[pool], 'stride', (1, 1)))
        last = pool
        members.add(pool)
    graph.replace(members, last, _node('stage', graph.nodes[norm.output],
                                       conv['inputs'] + norm.inputs[1:], attrs))
    return True


def _is_staged(conv):
    """Whether `stage` can compute the plain convolution `conv`."""
    return tuple_of(conv, 'stride', (1, 1)) == (1, 1) and all(
        p < k for p, k in zip(tuple_of(conv, 'pad', (0, 0)), tuple_of(conv, 'kernel')))


def _given(graph, norm, sizes):
    """The shape that the node before `norm` is given, or None."""
    return sizes.get(tuple(graph.nodes[norm.inputs[0][0]]['inputs'][0][:2]))


def _after_slow_convolution(graph, norm, sizes):
    """Whether a convolution comes before `norm` for which oneDNN has no kernel of its own."""
    if graph.nodes[norm.inputs[0][0]]['op'] != 'Convolution':
        return False
    size, given = sizes.get(tuple(norm.inputs[0][:2])), _given(graph, norm, sizes)
    return bool(size and given and len(size) == 4
                and (size[1] % 8 or given[1] % 8 and given[1] > 3))


def _pooling(graph, i, size):
    """The number of the max-pooling after node `i` that `stage` can do, or None."""
    j = graph.next(i, 'Pooling')
    if j is None:
        return None
    pool = graph.nodes[j]
    attrs = pool['attrs']
    if (attrs.get('pool_type', 'max') != 'max' or attrs.get('global_pool', 'False') in ('True', '1')
            or attrs.get('pooling_convention', 'valid') != 'valid'
            or attrs.get('layout', 'None') not in ('None', 'NCHW')
            or any(tuple_of(pool, 'pad', (0, 0)))):
        return None
    window = tuple_of(pool, 'kernel')
    if len(window) != 2 or any(w > n for w, n in zip(window, size[2:])):
        return None
    return j


def _node(op, norm, inputs, attrs):
    return {'op': OURS + op, 'name': norm['name'] + '_' + op, 'inputs': inputs,
            'attrs': {key: str(value) for key, value in attrs.items()}}
