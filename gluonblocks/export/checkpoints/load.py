"""Load a checkpoint as an inference graph with its weights and inputs."""
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import mxnet as mx
import numpy as np

from ...graphs.graph import Graph
from ..graph import replace_losses
from .find import find_files
from .heads import compute_in_float32, drop_heads, flatten_softmax, replace_labels
from .inputs import choose_inputs, infer_inputs, other_shapes
from .params import read_params
from .symbol import read_symbol, select_outputs

_WEIGHT = re.compile(r'_(weight|bias|gamma|beta|moving_mean|moving_var|running_mean|running_var'
                     r'|parameters)$')
Shapes = Dict[str, Tuple[int, ...]]


class CheckpointNet(NamedTuple):
    """The net of a checkpoint."""

    symbol: Any  #: inference graph, without losses
    original: Any  #: graph of the same outputs with losses, which adds label inputs
    params: Dict[str, np.ndarray]  #: arrays that the symbol uses, by name
    inputs: Shapes  #: input shapes for a batch of one
    twice: Optional[Shapes]  #: input shapes for a batch of two; None if the net rejects it
    larger: Optional[Shapes]  #: input shapes for larger images; None if the net rejects them
    outputs: List[str]  #: names of the outputs
    notes: List[str]  #: messages for the user
    source: str  #: path of the symbol file


def read_net(path, params=None, shape=None, epoch=None, outputs=None):
    """Load the `CheckpointNet` at `path`: a symbol file, a folder or a .tar.gz.

    `params` and `epoch` select the parameters, see `find_files`. `shape` is the input shape without
    the batch axis, such as (3, 112, 112), or a dict of shapes by name (None: from SageMaker's files
    or the weights of the first dense layer). `outputs` are names of any layers (None: the net's own
    outputs, except those that need a label).

    Raises DamagedFile for damaged files, and ValueError, with what to do, for unsuitable ones.
    """
    with find_files(path, params, epoch) as files:
        symbol, unknown = read_symbol(files.symbol)
        arrays = {re.sub('^(arg|aux):', '', name): array
                  for name, array in read_params(files.params).items()}
    for name in shape if isinstance(shape, dict) else ['data']:
        arrays.pop(name, None)  # some programs also saved the input
    symbol = select_outputs(symbol, outputs) if outputs else symbol
    graph = Graph(symbol)
    in_float16 = compute_in_float32(graph) or any(
        array.dtype == 'float16' for array in arrays.values())
    replace_labels(graph)
    original, names = graph.symbol(), symbol.list_outputs()
    for i in range(len(names)):  # an output may be listed twice
        while names[i] in names[:i]:
            names[i] += '_again'
    originals = dict(zip(names, original))
    losses = {name for name, (node, _, _) in zip(names, graph.heads)
              if node.op in ('MakeLoss', 'make_loss')}
    replace_losses(graph)
    missing = [node.name for node in graph.nodes if node.op == 'null' and node.name not in arrays]
    lost = [name for name in missing if _WEIGHT.search(name) and name not in unknown]
    known = {*arrays, *missing}.difference(lost, unknown)
    names, dropped = drop_heads(graph, names, known)
    prediction = set()
    if names:
        chosen, prediction = choose_inputs(graph, [name in losses for name in names],
                                           known - set(arrays), arrays, shape, files.shapes)
        names, without = drop_heads(graph, names, {*arrays, *prediction})
        dropped.update(without)
    if names:
        symbol, shapes, chosen = _used(graph.symbol(), arrays, chosen)
        symbol, found = infer_inputs(symbol, shapes, chosen)
        graph = Graph(symbol, **shapes, **found)
        along_last = flatten_softmax(graph)
        names, without = drop_heads(graph, names, {*shapes, *found})
        dropped.update(without)
    reasons = {name: 'it needs %s, %s' % (needed, (
        'whose operator %s MXNet %s does not have' % (unknown[needed], mx.__version__)
        if needed in unknown else 'which is not among the parameters' if needed in lost else
        'whose shape is not given' if needed in prediction else
        'which prediction does not have')) for name, needed in dropped.items()}
    notes = ['the output %s was left out: %s' % reason for reason in reasons.items()]
    if not names:
        if lost:
            raise ValueError(_lacking(files, lost, arrays))
        raise ValueError('%s: no output can be computed. Give the shape of each input, or choose '
                         'outputs that come before the obstacle:\n  %s'
                         % (files.symbol, '\n  '.join(notes)))
    symbol, shapes, chosen = _used(graph.symbol(), arrays, chosen)
    inputs = {name: found[name] for name in symbol.list_inputs() if name in found}
    kept = {name: arrays[name].astype('float32', copy=False) if arrays[name].dtype.kind == 'f'
            else arrays[name] for name in shapes}
    if in_float16:
        notes.append('the net is of float16; the files compute in float32')
    notes += ['the softmax %s is along the last axis, as MXNet computes it on CPUs; on GPUs MXNet '
              'computes it over each complete image' % name for name in along_last]
    original = mx.sym.Group([originals[name] for name in names])
    try:
        original, _ = infer_inputs(original, shapes, chosen)
    except ValueError:
        original = symbol
    twice, larger = other_shapes(symbol, shapes, chosen, inputs)
    return CheckpointNet(symbol, original, kept, inputs, twice, larger, names, notes, files.symbol)


def _used(symbol, arrays, chosen):
    """Return (symbol, shapes, chosen) with only the parameters and inputs that `symbol` uses."""
    used = symbol.list_inputs()
    return (symbol, {name: arrays[name].shape for name in used if name in arrays},
            {name: chosen[name] for name in used if name in chosen})


def _lacking(files, lost, arrays):
    """Return the error message for a file without the parameters in `lost`."""
    text = '%s lacks %s of the net: ' % (
        files.params, 'the parameter %s' % lost[0] if len(lost) == 1 else
        '%d parameters, %s among them,' % (len(lost), lost[0]))
    if any(re.search(r'(^|\.)\d+\.', name) for name in arrays):
        return text + (
            'names such as %r are those of net.save_parameters. Load the file into the net that '
            'your code builds, and write both files with net.export' % next(iter(arrays)))
    return text + 'expected those of the same training as %s' % files.symbol
