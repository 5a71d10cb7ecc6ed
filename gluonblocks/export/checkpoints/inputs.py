"""Find the inputs that a checkpoint's net needs for inference, and their shapes."""
import contextlib

import mxnet as mx
import numpy as np

from ...graphs.graph import Graph
from ..operators.registry import attribute


def choose_inputs(graph, losses, missing, arrays, shape, known):
    """Return (shapes by name, names), the known input shapes and the inputs of inference.

    The shapes are without the batch axis. `losses` has True for each head of the `Graph` that was a
    loss; `missing` are its inputs without an array in `arrays`; `shape` is the user's argument;
    `known` are shapes with the batch axis from another file. Inputs whose names contain 'label',
    and inputs that only losses need, are left out unless `shape` names them. Raises ValueError for
    unknown inputs.
    """
    needed = _needed(graph, missing)
    missing = [node.name for node in graph.nodes if node.name in missing]
    others = [names for loss, names in zip(losses, needed) if not loss]
    # Some detectors wrap their result in MakeLoss too: it is the head with the fewest inputs.
    counting = set().union(*others or [min(needed, key=len)])
    prediction = [name for name in missing if name in counting and 'label' not in name]
    sizes = {name: sides for name, sides in _by_weights(graph, arrays).items()
             if name in prediction}
    if isinstance(shape, dict):
        given = {name: tuple(sides) for name, sides in shape.items()}
        for name in set(given) - set(missing):
            raise ValueError('the net has no input %r; its inputs are: %s'
                             % (name, ', '.join(missing)))
    elif shape is None:
        given = {name: sides[1:] for name, sides in known.items() if name in missing}
        if not given and set(prediction) != set(sizes):
            raise ValueError('the shape of %s is unknown: give it, such as (3, 224, 224) for '
                             'colour images of that size' % ' and of '.join(
                                 name for name in prediction if name not in sizes))
    else:
        common = [name for name in prediction if all(name in names for names in needed)]
        choices = [['data'] if 'data' in prediction else [], prediction, common,
                   [name for name in common if name not in sizes]]
        only = [names[0] for names in choices if len(names) == 1]
        if not only:
            raise ValueError('the net has %d inputs: %s. Give the shape of each by its name' % (
                len(prediction), ', '.join(prediction) or 'labels alone'))
        given = {only[0]: tuple(shape)}
    for name, sides in given.items():
        if not all(isinstance(side, int) and side > 0 for side in sides):
            raise ValueError('the shape of %s must be positive integers, got %s' % (name, sides))
    return {**sizes, **given}, {*prediction, *given}


def _needed(graph, names):
    """Return for each head of a `Graph` the set of inputs among `names` that it needs."""
    found = {}
    for node in graph.nodes:
        found[node] = ({node.name} & names if node.op == 'null' else
                       set().union(*[found[source] for source, _, _ in node.inputs]))
    return [found[head[0]] for head in graph.heads]


def _by_weights(graph, arrays):
    """Return {input: shape without the batch} for inputs of dense layers with known weights."""
    return {node.inputs[0][0].name: arrays[node.inputs[1][0].name].shape[1:]
            for node in graph.nodes if node.op == 'FullyConnected'
            and node.inputs[0][0].op == 'null' and node.inputs[1][0].name in arrays}


def infer_inputs(symbol, shapes, chosen):
    """Return (symbol, shapes), with the shapes of all inputs for a batch of one.

    `shapes` are the shapes of the parameters; `chosen` are input shapes without the batch axis.
    Reshapes with a fixed batch size are changed to accept any. Raises ValueError, naming the first
    parameter that does not fit.
    """
    for batch in [0] + sorted({_first_code(node) for node in Graph(symbol).nodes} - {0}):
        with contextlib.suppress(ValueError):
            freed = _with_free_batch(symbol, shapes, chosen, batch) if batch else symbol
            found = _inferred(freed, shapes, chosen, 1)
            _inferred(freed, shapes, chosen, 2)
            return freed, found
    return symbol, _inferred(symbol, shapes, chosen, 1)


def _first_code(node):
    """Return the first number in the shape of a reshape if it is positive, or 0."""
    codes = attribute(node, 'shape') if node.op == 'Reshape' else ()
    return max(0, codes[0]) if isinstance(codes, tuple) and codes else 0


def _with_free_batch(symbol, shapes, chosen, batch):
    """Return the symbol with a fixed `batch` in reshapes replaced by a code for any size."""
    graph = Graph(symbol, **shapes, **_inferred(symbol, shapes, chosen, batch))
    for node in graph.nodes:
        if _first_code(node) == batch:
            codes = attribute(node, 'shape')
            same = graph.shape(node.inputs[0])[:1] == (batch,)
            if same or -1 not in codes:
                node.attrs['shape'] = str((0 if same else -1,) + codes[1:])
    return graph.symbol()


def _inferred(symbol, shapes, chosen, batch):
    """Infer the shapes of all inputs from the `chosen` ones, for a batch of size `batch`.

    Raises ValueError, naming the first parameter or reshape that does not fit.
    """
    given = {name: (batch,) + sides for name, sides in chosen.items()}
    try:
        found, _, _ = symbol.infer_shape_partial(**shapes, **given)
    except mx.MXNetError as error:
        raise ValueError(_misfit(symbol, shapes, given, error)) from None
    found = dict({name: tuple(sides) for name, sides in zip(symbol.list_arguments(), found)
                  if name not in shapes and sides and all(side > 0 for side in sides)}, **given)
    graph = Graph(symbol, **dict(shapes, **found))
    for node in graph.nodes:
        if node.op == 'Reshape':  # MXNet does not check the number of elements and crashes later
            before, after = graph.shape(node.inputs[0]), graph.shape(node.entry())
            if before and after and np.prod(before) != np.prod(after):
                raise ValueError('%s reshapes %s to %s, which has another number of elements: is '
                                 'this the shape that the net was trained for?'
                                 % (node.name, before, after))
    return found


def _misfit(symbol, shapes, given, error):
    """Return the error message for inputs of shapes `given` that do not fit the parameters."""
    for name, sides in given.items():
        if len(sides) == 5:  # an image has three axes
            return ('the shape of %s is without the batch: expected %s, got %s'
                    % (name, sides[2:], sides[1:]))
    said = ', '.join('%s %s' % (name, sides[1:]) for name, sides in given.items())
    with contextlib.suppress(mx.MXNetError):
        arguments, _, states = symbol.infer_shape_partial(**given)
        names = symbol.list_arguments() + symbol.list_auxiliary_states()
        for name, sides in zip(names, arguments + states):
            wanted = tuple(sides or (0,))
            if 0 not in wanted and shapes.get(name, wanted) != wanted and (
                    np.prod(shapes[name]) != 1):
                return ('%s has shape %s, but an input of %s needs %s: is this the shape that the '
                        'net was trained for, and are these its parameters?'
                        % (name, shapes[name], said, wanted))
    return 'an input of %s does not fit the net: %s' % (said, str(error).strip().split('\n')[-1])


def other_shapes(symbol, shapes, chosen, inputs):
    """Return the shapes of `inputs` for a batch of two and for larger images, or None for each."""
    larger = {name: sides[:1] + tuple(side + 64 for side in sides[1:]) if len(sides) == 3 else sides
              for name, sides in chosen.items()}
    found = []
    for sides, batch in ((chosen, 2), (larger, 1)):
        there = None
        with contextlib.suppress(ValueError, mx.MXNetError, KeyError):
            everything = _inferred(symbol, shapes, sides, batch)
            there = {name: everything[name] for name in inputs}
            if there == inputs or not symbol.infer_shape(**there)[1]:
                there = None
        found.append(there)
    return found
