"""A checkpoint's files -> a graph for prediction, its weights and its inputs."""
import re
from typing import Any, Dict, List, NamedTuple, Tuple

import mxnet as mx
import numpy as np

from ...graphs.graph import Graph
from .find import find_files
from .heads import cut_labels, drop_heads, replace_losses
from .params import read_params
from .symbol import (
    load_symbol,
    predict_ctc,
    read_graph,
    select_outputs,
    unknown_operators,
    without_operators,
)

_WEIGHT = re.compile(r'_(weight|bias|gamma|beta|moving_mean|moving_var|running_mean|running_var'
                     r'|parameters)$')


class CheckpointNet(NamedTuple):
    """The net of a checkpoint."""

    symbol: Any  #: for prediction, without losses
    params: Dict[str, np.ndarray]  #: that the symbol uses
    inputs: Dict[str, Tuple[int, ...]]  #: the shapes of the inputs for a batch of one
    variants: List[Dict[str, Tuple[int, ...]]]  #: the same for other batches and other sizes
    outputs: List[str]  #: names
    notes: List[str]  #: sentences that the user should read
    source: str  #: the symbol's file


def read_net(path, params=None, shape=None, epoch=None, outputs=None):
    """Return the `CheckpointNet` at `path`: a symbol file, a folder with a pair, or a .tar.gz.

    `params` and `epoch` choose the parameters, see `find_files`. `shape` is the input's without the
    batch, such as (3, 112, 112), or a dict of them by name if there are several; None: as in
    SageMaker's model-shapes.json. `outputs` are names of any of the net's values (None: its own
    outputs, without those that need a label).

    Raises DamagedFile for damaged files, and ValueError, with what to do, for others.
    """
    with find_files(path, params, epoch) as files:
        graph = read_graph(files.symbol)
        arrays = {re.sub('^(arg|aux):', '', name): array
                  for name, array in read_params(files.params).items()}
        if path.endswith(('.gz', '.tgz', '.tar')):  # its files are gone once they were read
            arrays = {name: np.array(array) for name, array in arrays.items()}
    notes: List[str] = []
    predict_ctc(graph)
    if outputs:
        graph = select_outputs(graph, outputs)
    unknown = unknown_operators(graph)
    if unknown:
        graph, left_out = without_operators(graph, unknown)
        notes += ['the output %s was left out: MXNet %s has no operator %s'
                  % (name, mx.__version__, ', '.join(unknown)) for name in left_out]
    symbol = load_symbol(graph, files.symbol)
    needed = symbol.list_arguments() + symbol.list_auxiliary_states()
    missing = [name for name in needed if name not in arrays]
    lost = [name for name in missing if _WEIGHT.search(name)]
    chosen = _inputs([name for name in missing if name not in lost], shape, files.shapes)
    plain = Graph(symbol)
    labels = cut_labels(plain)
    unlabelled = [name for name in missing if name in chosen or 'label' not in name]
    names, dropped = drop_heads(plain, symbol.list_outputs(),
                                {*arrays, *labels, *unlabelled}.difference(lost))
    if not names and lost:
        raise ValueError('%s lacks %d parameters of the net, %s among them: expected those of the '
                         'same training as %s' % (files.params, len(lost), lost[0], files.symbol))
    if names:
        symbol = plain.symbol()
        used = set(symbol.list_inputs())
        shapes = {name: array.shape for name, array in arrays.items() if name in used}
        chosen = {name: sides for name, sides in chosen.items() if name in used}
        found = _inferred(symbol, shapes, chosen, 1)
        plain = Graph(symbol, **dict(shapes, **found))
        replace_losses(plain)
        names, unknown_sizes = drop_heads(plain, names, {*shapes, *found})
        dropped.update(unknown_sizes)
    if not names:
        raise ValueError('every output of %s needs another input: %s. Give the shape of each, or '
                         'choose outputs that come before them' % (
                             files.symbol, ', '.join(sorted(set(dropped.values())))))
    notes += ['the output %s was left out: it needs %s, %s' % (name, needed, (
        'which is not among the parameters' if needed in lost else 'whose shape is not given'
        if needed in unlabelled else 'which prediction does not have'))
        for name, needed in dropped.items()]
    symbol = plain.symbol()
    used = symbol.list_arguments() + symbol.list_auxiliary_states()
    inputs = {name: found[name] for name in used if name in found}
    kept = {name: array.astype('float32', copy=False) if array.dtype.kind == 'f' else array
            for name, array in arrays.items() if name in used}
    shapes = {name: shape for name, shape in shapes.items() if name in used}
    return CheckpointNet(symbol, kept, inputs, _variants(symbol, shapes, chosen, inputs), names,
                         notes, files.symbol)


def _inputs(missing, shape, known):
    """The shapes without the batch of the inputs that are given, by name."""
    if isinstance(shape, dict):
        wrong = [name for name in shape if name not in missing]
        if wrong:
            raise ValueError('the net has no input %r; its inputs are: %s'
                             % (wrong[0], ', '.join(missing)))
        return {name: tuple(sides) for name, sides in shape.items()}
    if shape is None:
        found = {name: sides[1:] for name, sides in known.items() if name in missing}
        if not found:
            raise ValueError('the shape of the input is unknown: give it, such as (3, 224, 224) '
                             'for colour images of that size')
        return found
    data = [name for name in missing if 'label' not in name]
    if 'data' in data or len(data) == 1:
        return {'data' if 'data' in data else data[0]: tuple(shape)}
    raise ValueError('the net has %d inputs: %s. Give the shape of each by its name'
                     % (len(data), ', '.join(data) or 'labels alone'))


def _inferred(symbol, shapes, chosen, batch):
    """The shapes of all inputs that follow from the `chosen` ones, for a batch of this size.

    Raises ValueError, with the first parameter that does not fit.
    """
    given = {name: (batch,) + sides for name, sides in chosen.items()}
    try:
        found, _, _ = symbol.infer_shape_partial(**dict(shapes, **given))
    except mx.MXNetError as error:
        raise ValueError(_misfit(symbol, shapes, given, error)) from None
    return dict({name: tuple(sides) for name, sides in zip(symbol.list_arguments(), found)
                 if name not in shapes and sides and all(side > 0 for side in sides)}, **given)


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


def _variants(symbol, shapes, chosen, inputs):
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
