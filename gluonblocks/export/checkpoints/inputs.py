"""Find the inputs that a checkpoint's net needs for inference, and their shapes."""
import contextlib
import re

import mxnet as mx
import numpy as np

from ...graphs.graph import Graph
from ..operators.registry import attribute


def choose_inputs(graph, losses, missing, arrays, shape, known):
    """Return (known input shapes by name, names of the inputs for inference).

    The returned shapes have no batch axis. `losses` contains a bool for each head (output) of the
    `Graph`: True if it was a loss. `arrays` contains the checkpoint's parameters, and `missing` the
    names of inputs that are not parameters. `known` contains input shapes, with the batch axis,
    from the checkpoint's files. `shape` is as in `read_net`.

    Inputs whose names contain 'label', and inputs that only losses need, are omitted unless `shape`
    names them. Raises ValueError for unknown inputs and missing shapes.
    """
    needed = _needed(graph, missing)
    missing = [node.name for node in graph.nodes if node.name in missing]
    others = [names for loss, names in zip(losses, needed) if not loss]
    # Some detectors wrap even their predictions in MakeLoss. If every head is a loss, assume that
    # the head that needs the fewest inputs contains the predictions.
    relevant = set().union(*others or [min(needed, key=len)])
    prediction = [name for name in missing if name in relevant and 'label' not in name]
    sizes = {name: sides for name, sides in _by_weights(graph, arrays).items()
             if name in prediction}
    if isinstance(shape, dict):
        chosen = {name: tuple(sides) for name, sides in shape.items()}
        for name in set(chosen) - set(missing):
            raise ValueError('the net has no input %r; its inputs are: %s'
                             % (name, ', '.join(missing)))
    elif shape is None:
        chosen = {name: sides[1:] for name, sides in known.items() if name in missing}
        if not chosen and set(prediction) != set(sizes):
            raise ValueError('the shape of %s is unknown: specify it, for example (3, 224, 224) '
                             'for 224 x 224 colour images' % ' and '.join(
                                 name for name in prediction if name not in sizes))
    else:
        common = [name for name in prediction if all(name in names for names in needed)]
        choices = [['data'] if 'data' in prediction else [], prediction, common,
                   [name for name in common if name not in sizes]]
        only = [names[0] for names in choices if len(names) == 1]
        if not only:
            raise ValueError('expected one input besides labels, found %d (%s): specify the input '
                             'shapes by name' % (len(prediction), ', '.join(prediction) or 'none'))
        chosen = {only[0]: tuple(shape)}
    for name, sides in chosen.items():
        if not all(isinstance(side, int) and side > 0 for side in sides):
            raise ValueError('the shape of %s must consist of positive integers, got %s'
                             % (name, sides))
    return {**sizes, **chosen}, {*prediction, *chosen}


def _needed(graph, names):
    """For each head (output) of a `Graph`, return the set of inputs in `names` that it needs."""
    found = {}
    for node in graph.nodes:
        found[node] = ({node.name} & names if node.op == 'null' else
                       set().union(*[found[source] for source, _, _ in node.inputs]))
    return [found[head[0]] for head in graph.heads]


def _by_weights(graph, arrays):
    """Return {name: shape without the batch axis} for inputs fed directly to a dense layer.

    Each shape is inferred from the weights of the dense layer.
    """
    return {node.inputs[0][0].name: arrays[node.inputs[1][0].name].shape[1:]
            for node in graph.nodes if node.op == 'FullyConnected'
            and node.inputs[0][0].op == 'null' and node.inputs[1][0].name in arrays}


def infer_inputs(symbol, shapes, chosen):
    """Return (symbol, input shapes by name for a batch of one).

    `shapes` contains the parameter shapes, and `chosen` the input shapes without the batch axis.
    In the returned symbol, fixed batch sizes in reshapes are made variable, if possible.
    Raises ValueError, naming the first parameter or reshape that does not fit the input.
    """
    for batch in [0] + sorted({_first_code(node) for node in Graph(symbol).nodes} - {0}):
        with contextlib.suppress(ValueError):
            flexible = _with_any_batch(symbol, shapes, chosen, batch) if batch else symbol
            found = _inferred(flexible, shapes, chosen, 1)
            _inferred(flexible, shapes, chosen, 2)
            return flexible, found
    return symbol, _inferred(symbol, shapes, chosen, 1)


def _first_code(node):
    """Return the fixed first dimension of a reshape's target shape, or 0 if there is none."""
    codes = attribute(node, 'shape') if node.op == 'Reshape' else ()
    return max(0, codes[0]) if isinstance(codes, tuple) and codes else 0


def _with_any_batch(symbol, shapes, chosen, batch):
    """Return a copy of `symbol` whose reshapes accept any batch size, if possible.

    Only reshapes with a target shape that begins with the size `batch` are changed.
    """
    graph = Graph(symbol, **shapes, **_inferred(symbol, shapes, chosen, batch))
    for node in graph.nodes:
        if _first_code(node) == batch:
            codes = attribute(node, 'shape')
            same = graph.shape(node.inputs[0])[:1] == (batch,)
            if same or -1 not in codes:
                node.attrs['shape'] = str((0 if same else -1,) + codes[1:])
    return graph.symbol()


def _inferred(symbol, shapes, chosen, batch):
    """Infer the shapes of all inputs from those in `chosen`, for a batch of size `batch`.

    Raises ValueError, naming the first parameter or reshape that does not fit the input.
    """
    inputs = {name: (batch,) + sides for name, sides in chosen.items()}
    try:
        found, _, _ = symbol.infer_shape_partial(**shapes, **inputs)
    except mx.MXNetError as error:
        raise ValueError(_misfit(symbol, shapes, inputs, error)) from None
    found = dict({name: tuple(sides) for name, sides in zip(symbol.list_arguments(), found)
                  if name not in shapes and sides and all(side > 0 for side in sides)}, **inputs)
    graph = Graph(symbol, **dict(shapes, **found))
    for node in graph.nodes:
        if node.op == 'Reshape':  # MXNet does not check the number of elements and crashes later
            before, after = graph.shape(node.inputs[0]), graph.shape(node.entry())
            if before and after and np.prod(before) != np.prod(after):
                raise ValueError('%s cannot reshape %s to %s, which has a different number of '
                                 'elements: use the input shape that the net was trained on'
                                 % (node.name, before, after))
    return found


def _misfit(symbol, shapes, inputs, error):
    """Return an error message that explains why the input shapes `inputs` do not fit the net."""
    for name, sides in inputs.items():
        if len(sides) == 5:  # the user's shape had four axes, but an image has three
            return ('the shape of %s must not include the batch: expected %s, got %s'
                    % (name, sides[2:], sides[1:]))
    described = ', '.join(['%s %s' % (name, sides[1:]) for name, sides in inputs.items()] + [
        '%s (shape not specified)' % name for name in symbol.list_inputs()
        if name not in shapes and name not in inputs])
    with contextlib.suppress(mx.MXNetError):
        arguments, _, states = symbol.infer_shape_partial(**inputs)
        names = symbol.list_arguments() + symbol.list_auxiliary_states()
        for name, sides in zip(names, arguments + states):
            wanted = tuple(sides or (0,))
            if 0 not in wanted and shapes.get(name, wanted) != wanted and (
                    np.prod(shapes[name]) != 1):
                return ('expected %s of shape %s for the input %s, found %s: check the input shape '
                        'and whether the parameters belong to this net'
                        % (name, wanted, described, shapes[name]))
    reason = re.sub(r'\[[\d:]+\] \S+:\d+: |^MXNetError: ', '', str(error).strip().split('\n')[-1])
    return 'the input %s does not fit the net: %s' % (described, reason)


def other_shapes(symbol, shapes, chosen, inputs):
    """Return [input shapes for a batch of two, input shapes for larger images].

    `inputs` contains the shapes for a batch of one. An element of the list is None if the net
    rejects inputs of those shapes, or if the shapes would equal `inputs`.
    """
    larger = {name: sides[:1] + tuple(side + 64 for side in sides[1:]) if len(sides) == 3 else sides
              for name, sides in chosen.items()}
    found = []
    for sides, batch in ((chosen, 2), (larger, 1)):
        variant = None
        with contextlib.suppress(ValueError, mx.MXNetError, KeyError):
            inferred = _inferred(symbol, shapes, sides, batch)
            variant = {name: inferred[name] for name in inputs}
            if variant == inputs or not symbol.infer_shape(**variant)[1]:
                variant = None
        found.append(variant)
    return found
