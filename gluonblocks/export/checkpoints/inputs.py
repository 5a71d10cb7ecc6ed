"""The inputs of a checkpoint's net: which of them count in prediction, and their shapes."""
import mxnet as mx
import numpy as np

from ...graphs.graph import Graph
from ..operators.registry import attribute


def choose_inputs(graph, missing, arrays, shape, known):
    """Return (the shapes without the batch of some inputs by name, the inputs of prediction).

    `missing` are the inputs of a `Graph` that are not among the parameters `arrays`; `shape` is
    what the user gave, and `known` are shapes with the batch from another file. Inputs called
    labels, and those that only losses need, are not for prediction. Raises ValueError for unknown
    inputs.
    """
    if isinstance(shape, dict):
        wrong = [name for name in shape if name not in missing]
        if wrong:
            raise ValueError('the net has no input %r; its inputs are: %s'
                             % (wrong[0], ', '.join(missing)))
    given = dict(shape) if isinstance(shape, dict) else {}
    needed = _needed(graph, set(missing))
    others = [names for head, names in zip(graph.heads, needed)
              if head[0].op not in ('MakeLoss', 'make_loss')]
    # Some detectors hide their result behind a MakeLoss too: it needs the fewest inputs.
    counting = set().union(*others or [min(needed, key=len)])
    prediction = [name for name in missing if name in given
                  or name in counting and 'label' not in name]
    sizes = {name: sides for name, sides in _by_weights(graph, arrays).items()
             if name in prediction and name not in given}
    if shape is None:
        given = {name: sides[1:] for name, sides in known.items() if name in missing}
        if not given and set(prediction) != set(sizes):
            raise ValueError('the shape of %s is unknown: give it, such as (3, 224, 224) for '
                             'colour images of that size' % ' and of '.join(
                                 name for name in prediction if name not in sizes))
    elif not isinstance(shape, dict):
        common = [name for name in prediction if all(name in names for names in needed)]
        few = [['data'] if 'data' in prediction else [], prediction, common,
               [name for name in prediction if name not in sizes]]
        single = [names[0] for names in few if len(names) == 1]
        if not single:
            raise ValueError('the net has %d inputs: %s. Give the shape of each by its name' % (
                len(prediction), ', '.join(prediction) or 'labels alone'))
        given = {single[0]: shape}
    given = {name: tuple(sides) for name, sides in given.items()}
    return dict({name: sides for name, sides in sizes.items() if name not in given}, **given), \
        prediction


def _needed(graph, names):
    """For each head of a `Graph`, which of the inputs `names` it needs."""
    found = {}
    for node in graph.nodes:
        found[node] = ({node.name} & names if node.op == 'null' else
                       set().union(*[found[source] for source, _, _ in node.inputs]))
    return [found[head[0]] for head in graph.heads]


def _by_weights(graph, arrays):
    """{input: its shape without the batch} of inputs that go into a layer with known weights."""
    found = {}
    for node in graph.nodes:
        if node.op == 'FullyConnected' and node.inputs[0][0].op == 'null':
            weight = arrays.get(node.inputs[1][0].name)
            if weight is not None and weight.ndim == 2:
                found[node.inputs[0][0].name] = weight.shape[1:]
    return found


def infer_inputs(symbol, shapes, chosen):
    """Return (symbol, the shapes of all inputs for a batch of one).

    `shapes` are those of the parameters and `chosen` those of inputs without the batch. A symbol
    whose reshapes are for a batch of one size gets such as are for any. Raises ValueError, with the
    first parameter that does not fit.
    """
    try:
        found = _inferred(symbol, shapes, chosen, 1)
        _inferred(symbol, shapes, chosen, 2)
        return symbol, found
    except ValueError as error:
        refused = error
    for batch in sorted({_first_code(node) for node in Graph(symbol).nodes} - {None}):
        try:
            inputs = _inferred(symbol, shapes, chosen, batch)
            freed = _with_free_batch(symbol, dict(shapes, **inputs), batch)
            found = _inferred(freed, shapes, chosen, 1)
            _inferred(freed, shapes, chosen, 2)
            return freed, found
        except ValueError:
            continue
    try:
        return symbol, _inferred(symbol, shapes, chosen, 1)
    except ValueError:
        raise refused from None


def _first_code(node):
    """The number that a reshape begins with, or None."""
    codes = attribute(node, 'shape') if node.op == 'Reshape' else None
    return codes[0] if isinstance(codes, tuple) and codes and codes[0] > 0 else None


def _with_free_batch(symbol, shapes, batch):
    """The symbol with `batch` at the beginning of reshapes replaced by a code for any number."""
    graph = Graph(symbol, **shapes)
    for node in graph.nodes:
        if _first_code(node) == batch:
            codes = attribute(node, 'shape')
            if graph.shape(node.inputs[0])[:1] == (batch,):
                node.attrs['shape'] = str((0,) + codes[1:])
            elif -1 not in codes:
                node.attrs['shape'] = str((-1,) + codes[1:])
    return graph.symbol()


def _inferred(symbol, shapes, chosen, batch):
    """The shapes of all inputs that follow from the `chosen` ones, for a batch of this size.

    Raises ValueError, with the first parameter or reshape that does not fit.
    """
    given = {name: (batch,) + sides for name, sides in chosen.items()}
    try:
        found, _, _ = symbol.infer_shape_partial(**dict(shapes, **given))
    except mx.MXNetError as error:
        _check_rank(symbol, shapes, chosen, batch)
        raise ValueError(_misfit(symbol, shapes, given, error)) from None
    found = dict({name: tuple(sides) for name, sides in zip(symbol.list_arguments(), found)
                  if name not in shapes and sides and all(side > 0 for side in sides)}, **given)
    graph = Graph(symbol, **dict(shapes, **found))
    for node in graph.nodes:
        if node.op == 'Reshape':  # MXNet does not compare the sizes, and crashes later
            before, after = graph.shape(node.inputs[0]), graph.shape(node.entry())
            if before and after and np.prod(before) != np.prod(after):
                raise ValueError('%s reshapes %s to %s, which has another number of elements: is '
                                 'this the shape that the net was trained for?'
                                 % (node.name, before, after))
    return found


def _check_rank(symbol, shapes, chosen, batch):
    """Raise ValueError if the shapes of inputs fit without their first number."""
    for name, sides in chosen.items():
        if len(sides) > 1:
            try:
                symbol.infer_shape_partial(**dict(shapes, **{name: (batch,) + sides[1:]}))
            except mx.MXNetError:
                continue
            raise ValueError('the shape of %s is without the batch: expected %s, got %s'
                             % (name, sides[1:], sides))


def _misfit(symbol, shapes, given, error):
    """Why the parameters do not fit the input: the first whose shape is another."""
    try:
        arguments, _, states = symbol.infer_shape_partial(**given)
        names = symbol.list_arguments() + symbol.list_auxiliary_states()
        for name, sides in zip(names, arguments + states):
            wanted = tuple(sides or ())
            if name in shapes and 0 not in wanted and wanted and wanted != shapes[name] and (
                    np.prod(shapes[name]) != 1):
                return ('%s has shape %s, but an input of %s needs %s: is this the shape that the '
                        'net was trained for, and are these its parameters?'
                        % (name, shapes[name], ', '.join(
                            '%s %s' % (each, sides[1:]) for each, sides in given.items()), wanted))
    except mx.MXNetError:
        pass
    return 'an input of %s does not fit the net: %s' % (
        ', '.join('%s %s' % (each, sides[1:]) for each, sides in given.items()),
        str(error).strip().split('\n')[-1])


def find_variants(symbol, shapes, chosen, inputs):
    """Shapes of the inputs for other batches, and for images of another size if the net allows."""
    larger = {name: sides[:1] + tuple(side + 64 for side in sides[1:]) if len(sides) == 3 else sides
              for name, sides in chosen.items()}
    found = []
    for sides, batch in ((chosen, 2), (larger, 1)):
        if sides is larger and larger == chosen:
            continue
        try:
            shapes_there = _inferred(symbol, shapes, sides, batch)
            _, heads, _ = symbol.infer_shape(**{name: shapes_there[name] for name in inputs})
        except (ValueError, mx.MXNetError, KeyError):
            continue
        if heads:
            found.append({name: shapes_there[name] for name in inputs})
    return found
