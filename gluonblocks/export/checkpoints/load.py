"""Load a checkpoint as an inference graph with its weights and inputs."""
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import mxnet as mx
import numpy as np

from ...graphs.graph import Graph
from ..graph import compute_in, replace_losses
from .find import find_files
from .heads import drop_heads, flatten_softmax, replace_labels
from .inputs import choose_inputs, infer_inputs, other_shapes
from .params import read_params
from .symbol import read_symbol, select_outputs

_WEIGHT = re.compile(r'_(weight|bias|gamma|beta|moving_mean|moving_var|running_mean|running_var'
                     r'|parameters)$')
Shapes = Dict[str, Tuple[int, ...]]


class CheckpointNet(NamedTuple):
    """The net of a checkpoint."""

    symbol: Any  #: inference graph, without losses
    original: Any  #: the same outputs from a graph with losses, which may need labels
    params: Dict[str, np.ndarray]  #: weights and buffers that the symbol uses, by name
    inputs: Shapes  #: input shapes for a batch of one
    twice: Optional[Shapes]  #: input shapes for a batch of two; None if the net rejects it
    larger: Optional[Shapes]  #: input shapes for larger images; None if the net rejects them
    outputs: List[str]  #: names of the outputs
    notes: List[str]  #: messages for the user
    source: str  #: path of the symbol file


def read_net(path, params=None, shape=None, epoch=None, outputs=None):
    """Load the `CheckpointNet` at `path`: a symbol file, a folder or a .tar.gz archive.

    `params` and `epoch` select the parameters, as in `find_files`. `shape` is the input shape
    without the batch axis, such as (3, 112, 112), or a dict of shapes by name. By default, it is
    read from SageMaker's files or inferred from the weights of the first dense layer. `outputs`
    lists layers to use as outputs (by default the net's outputs, except those that need a label).

    Raises DamagedFile for damaged files, and ValueError for files that cannot be used.
    """
    with find_files(path, params, epoch) as files:
        symbol, unknown = read_symbol(files.symbol)
        stored = read_params(files.params)
    arrays = {re.sub('^(arg|aux):', '', name): array for name, array in stored.items()}
    for kind, names in ('arg:', symbol.list_arguments()), ('aux:', symbol.list_auxiliary_states()):
        arrays.update((name, stored[kind + name]) for name in names if kind + name in stored)
    for name in shape if isinstance(shape, dict) else ['data']:
        arrays.pop(name, None)  # some programs saved the input among the parameters
    symbol = select_outputs(symbol, outputs) if outputs else symbol
    graph = Graph(symbol)
    for node in graph.nodes:
        if 'quantize' in node.op or node.op.startswith('_sg_'):
            raise ValueError('%s: expected a float32 or float16 net, found the node %s (%s), which '
                             'MXNet inserts when it quantizes or fuses a net: export the original '
                             'checkpoint instead' % (files.symbol, node.name, node.op))
    in_float16 = compute_in('float32', graph) or any(
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
    weights = [name for name in missing if _WEIGHT.search(name) and name not in unknown]
    known = {*arrays, *missing}.difference(weights, unknown)
    names, dropped = drop_heads(graph, names, known)
    prediction = set()
    if names:
        chosen, prediction = choose_inputs(graph, [name in losses for name in names],
                                           known - set(arrays), arrays, shape, files.shapes)
        names, more = drop_heads(graph, names, {*arrays, *prediction})
        dropped.update(more)
    if names:
        symbol, shapes, chosen = _used(graph.symbol(), arrays, chosen)
        symbol, found = infer_inputs(symbol, shapes, chosen)
        graph = Graph(symbol, **shapes, **found)
        along_last = flatten_softmax(graph)
        names, more = drop_heads(graph, names, {*shapes, *found})
        dropped.update(more)
    reasons = {name: 'it needs %s, %s' % (needed, (
        'whose operator %s is not available in MXNet %s' % (unknown[needed], mx.__version__)
        if needed in unknown else 'which is not in the parameter file' if needed in weights else
        'whose shape is unknown' if needed in prediction else
        'which is not available at inference')) for name, needed in dropped.items()}
    notes = ['omitted the output %s: %s' % reason for reason in reasons.items()]
    if not names:
        if weights:
            raise ValueError(_missing_weights(files, weights, arrays))
        raise ValueError('%s: cannot compute any output; specify the shape of each input, or '
                         'choose outputs of earlier layers\n  %s'
                         % (files.symbol, '\n  '.join(notes)))
    symbol, shapes, chosen = _used(graph.symbol(), arrays, chosen)
    inputs = {name: found[name] for name in symbol.list_inputs() if name in found}
    used = {name: arrays[name].astype('float32', copy=False) if arrays[name].dtype.kind == 'f'
            else arrays[name] for name in shapes}
    if in_float16:
        notes.append('the net uses float16; the exported files compute in float32')
    notes += ['the softmax %s is computed along the last axis, as in MXNet on CPUs; on GPUs, MXNet '
              'computes it over the complete image' % name for name in along_last]
    original = mx.sym.Group([originals[name] for name in names])
    try:
        original, _ = infer_inputs(original, shapes, chosen)
    except ValueError:
        original = symbol
    twice, larger = other_shapes(symbol, shapes, chosen, inputs)
    return CheckpointNet(symbol, original, used, inputs, twice, larger, names, notes, files.symbol)


def _used(symbol, arrays, chosen):
    """Return (symbol, parameter shapes, input shapes), omitting names that `symbol` does not use.

    `arrays` maps parameter names to arrays, and `chosen` maps input names to shapes.
    """
    used = symbol.list_inputs()
    return (symbol, {name: arrays[name].shape for name in used if name in arrays},
            {name: chosen[name] for name in used if name in chosen})


def _missing_weights(files, names, arrays):
    """Return the error message for a parameter file that lacks the parameters `names`."""
    text = '%s lacks %s: ' % (
        files.params, 'the parameter %s of the net' % names[0] if len(names) == 1 else
        '%d parameters of the net, such as %s' % (len(names), names[0]))
    if any(re.search(r'(^|\.)\d+\.', name) for name in arrays):
        return text + (
            'names such as %r show that net.save_parameters wrote the file. Build the net in '
            'Python, call net.load_parameters, and write a symbol file and a parameter file with '
            'net.export' % next(iter(arrays)))
    return text + 'expected the parameters that were saved with %s' % files.symbol
