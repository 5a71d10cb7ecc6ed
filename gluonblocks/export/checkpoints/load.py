"""A checkpoint's files -> a graph for prediction, its weights and its inputs."""
import re
from typing import Any, Dict, List, NamedTuple, Tuple

import mxnet as mx
import numpy as np

from ...graphs.graph import Graph
from .find import find_files
from .heads import compute_in_float32, cut_labels, drop_heads, replace_losses
from .inputs import choose_inputs, find_variants, infer_inputs
from .params import read_params
from .symbol import (
    load_symbol,
    read_graph,
    renew,
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
    renew(graph)
    if outputs:
        graph = select_outputs(graph, outputs)
    unknown = unknown_operators(graph)
    if unknown:
        graph, left_out = without_operators(graph, unknown)
        notes += ['the output %s was left out: MXNet %s has no operator %s'
                  % (name, mx.__version__, ', '.join(unknown)) for name in left_out]
    symbol = load_symbol(graph, files.symbol)
    for name in shape if isinstance(shape, dict) else ['data']:
        arrays.pop(name, None)  # some programs saved their input too
    missing = [name for name in symbol.list_inputs() if name not in arrays]
    lost = [name for name in missing if _WEIGHT.search(name)]
    plain = Graph(symbol)
    labels = cut_labels(plain)
    if compute_in_float32(plain) or any(array.dtype == 'float16' for array in arrays.values()):
        notes.append('the net is of float16; the files compute in float32')
    chosen, prediction = choose_inputs(
        plain, [name for name in missing if name not in lost], arrays, shape, files.shapes)
    names, dropped = drop_heads(plain, symbol.list_outputs(), {*arrays, *labels, *prediction})
    if not names and lost:
        raise ValueError(_lacking(files, lost, arrays))
    if names:
        symbol = plain.symbol()
        used = set(symbol.list_inputs())
        shapes = {name: array.shape for name, array in arrays.items() if name in used}
        chosen = {name: sides for name, sides in chosen.items() if name in used}
        symbol, found = infer_inputs(symbol, shapes, chosen)
        plain = Graph(symbol, **dict(shapes, **found))
        replace_losses(plain)
        names, unknown_sizes = drop_heads(plain, names, {*shapes, *found})
        dropped.update(unknown_sizes)
    if not names:
        raise ValueError('every output of %s needs another input: %s. Give the shape of each, or '
                         'choose outputs that come before them' % (files.symbol, ', '.join(sorted(
                             set(dropped.values()).intersection(prediction)
                             or set(dropped.values())))))
    notes += ['the output %s was left out: it needs %s, %s' % (name, needed, (
        'which is not among the parameters' if needed in lost else 'whose shape is not given'
        if needed in prediction else 'which prediction does not have'))
        for name, needed in dropped.items()]
    for i in range(len(names)):  # the same value may be an output twice
        while names[i] in names[:i]:
            names[i] += '_again'
    symbol = plain.symbol()
    used = symbol.list_arguments() + symbol.list_auxiliary_states()
    inputs = {name: found[name] for name in used if name in found}
    kept = {name: array.astype('float32', copy=False) if array.dtype.kind == 'f' else array
            for name, array in arrays.items() if name in used}
    shapes = {name: shape for name, shape in shapes.items() if name in used}
    return CheckpointNet(symbol, kept, inputs, find_variants(symbol, shapes, chosen, inputs), names,
                         notes, files.symbol)


def _lacking(files, lost, arrays):
    """The message for a file that lacks the parameters called `lost`."""
    text = '%s lacks %d parameters of the net, %s among them: ' % (files.params, len(lost), lost[0])
    if any(re.search(r'(^|\.)\d+\.', name) for name in arrays):
        return text + (
            'names such as %r are those of net.save_parameters. Load the file into the net that '
            'your code builds, and write both files with net.export' % next(iter(arrays)))
    return text + 'expected those of the same training as %s' % files.symbol
