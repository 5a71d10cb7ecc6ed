"""A net's graph, rewritten for the images it is given, so that it computes the same with less.

MXNet runs the operators that a net names, in that order and in full, also where the size of the
images makes some of the work idle. Its graph is JSON: a list of nodes, each with an operator, its
attributes and the numbers of the nodes that it takes. Here that list is copied with changes.
"""
import json

import mxnet as mx

from .rewriting import tuple_of

_MONOTONE = ('relu', 'sigmoid', 'tanh', 'softrelu', 'softsign')


def simplify(symbol, training, **shapes):
    """The same graph, `symbol`, with fewer operations for inputs of `shapes`, as data=(N, C, H, W).

    Two rewritings, exact but for rounding and the order of sums; N may differ, H and W may not:

    - max(act(X)) -> act(max(X)): no activation here ever falls, so the maximum may be taken first,
      and the activation has a quarter of the numbers left at a 2x2 pooling.
    - A convolution's taps that meet nothing but padding are cut off. On a map of 1x1, a 3x3 kernel
      is its centre: one product in place of nine, in the output and in both gradients. Only for
      `training`: predicting, MXNet arranges the weights once, which cutting would undo each time.

    Arguments, outputs and their shapes stay as they were, in whatever order.
    """
    graph = json.loads(symbol.tojson())
    old = graph['nodes']
    uses = [0] * len(old)
    for i, _, _ in graph['heads'] + [entry for node in old for entry in node['inputs']]:
        uses[i] += 1
    maps = _map_sizes(graph, shapes) if training else {}
    # moved: an old node's number -> its new one. waiting: activations that are not copied yet, for
    # the next node may be a pooling that goes before them. They wait for the node that uses them,
    # and only if there is a single one: others would need the activation of what was not pooled.
    nodes, moved, waiting = [], {}, {}

    def add(node, inputs=None):
        if inputs is None:
            inputs = [[moved[i], k, version] for i, k, version in node['inputs']]
        nodes.append(dict(node, inputs=inputs))
        return len(nodes) - 1

    for i, node in enumerate(old):
        source = node['inputs'][0][0] if node['inputs'] else None
        if source in waiting and _is_max_pooling(node):  # trade places
            activation = waiting.pop(source)
            first, k, version = activation['inputs'][0]
            pooled = add(node, [[moved[first], k, version]])
            moved[i] = add(activation, [[pooled, 0, 0]])
            continue
        for j in [j for j, _, _ in node['inputs'] if j in waiting]:  # used, but by no pooling
            moved[j] = add(waiting.pop(j))
        if _is_monotone(node) and uses[i] == 1:
            waiting[i] = node
            continue
        if i in maps:
            node, cuts = _cut_taps(node, maps[i])
            if cuts:
                data, weight, *bias = [[moved[j], k, version] for j, k, version in node['inputs']]
                for cut in cuts:
                    weight = [add(cut, [weight]), 0, 0]
                moved[i] = add(node, [data, weight] + bias)
                continue
        moved[i] = add(node)
    for j in list(waiting):  # the net's own outputs
        moved[j] = add(waiting.pop(j))

    return mx.sym.load_json(json.dumps({
        'nodes': nodes, 'attrs': graph['attrs'],
        'arg_nodes': [i for i, node in enumerate(nodes) if node['op'] == 'null'],
        'heads': [[moved[i], k, version] for i, k, version in graph['heads']]}))


def _is_monotone(node):
    return node['op'] == 'Activation' and node['attrs']['act_type'] in _MONOTONE


def _is_max_pooling(node):
    # In the 'full' convention MXNet counts a zero into the windows that stick out.
    return (node['op'] == 'Pooling' and node['attrs'].get('pool_type', 'max') == 'max' and
            node['attrs'].get('pooling_convention', 'valid') == 'valid')


def _map_sizes(graph, shapes):
    """The (H, W) that each two-dimensional convolution is given: {the node's number: (H, W)}."""
    numbers = [i for i, node in enumerate(graph['nodes']) if node['op'] == 'Convolution' and
               len(tuple_of(node, 'kernel')) == 2 and node['attrs'].get('layout') in (None, 'NCHW')]
    if not numbers:
        return {}
    inputs = dict(graph, heads=[graph['nodes'][i]['inputs'][0] for i in numbers])
    _, sizes, _ = mx.sym.load_json(json.dumps(inputs)).infer_shape_partial(**shapes)
    return {i: size[2:] for i, size in zip(numbers, sizes) if size and all(size)}


def _cut_taps(node, size):
    """The convolution `node` on maps of `size` without taps that meet padding only, and the nodes
    that cut its weights, one after the other; (node, []) where every tap meets data."""
    kernel, pad, stride, begin = [], [], [], []
    if tuple_of(node, 'dilate', (1, 1)) != (1, 1):
        return node, []
    for h, k, p, s in zip(size, tuple_of(node, 'kernel'), tuple_of(node, 'pad', (0, 0)),
                          tuple_of(node, 'stride', (1, 1))):
        out = (h + 2 * p - k) // s + 1
        # Output i meets input i * s - p + t at tap t, for i from 0 to out - 1.
        first, last = max(0, p - (out - 1) * s), min(k - 1, h - 1 + p)
        left, rest = p - first, last - first + 1
        if rest < 1:  # not one tap meets data
            first, left, rest = 0, p, k
        begin.append(first)
        kernel.append(rest)
        pad.append(left)
        stride.append(s)
    if tuple(kernel) == tuple_of(node, 'kernel'):
        return node, []
    name, attrs = node['name'], dict(node['attrs'], kernel=str(tuple(kernel)), pad=str(tuple(pad)))
    (top, left), (height, width), full = begin, kernel, tuple_of(node, 'kernel')[1]
    if height > 1:
        cuts = [_node('slice', name + '_taps', begin=(None, None, top, left),
                      end=(None, None, top + height, left + width))]
    else:  # taps of one row lie side by side, and cutting along one axis is faster
        cuts = [_node('Reshape', name + '_flat', shape=(0, 0, -1)),
                _node('slice_axis', name + '_taps', axis=2, begin=top * full + left,
                      end=top * full + left + width),
                _node('Reshape', name + '_kernel', shape=(0, 0, 1, -1))]
    return dict(node, attrs=attrs), cuts


def _node(op, name, **attrs):
    return {'op': op, 'name': name, 'attrs': {key: str(value) for key, value in attrs.items()}}
