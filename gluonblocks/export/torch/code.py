"""A graph as a file of plain PyTorch that a person reads and changes: model.py."""
import re
from collections import Counter
from itertools import groupby
from keyword import iskeyword
from typing import Dict, List, NamedTuple

import numpy as np

from ...graphs.graph import Graph
from .blocks import class_name, entry_of
from .calls import check_known
from .forward import Forward
from .layers import layer_text
from .structure import layer_names, read_structure

_LINE = 88  # characters of a list of blocks before each gets a line of its own
_WIDTH = 100  # of a line

_HEAD = '''"""{title} in plain PyTorch: {inputs} -> {outputs}.

The weights are in {weights}. Written by gluonblocks, which is not needed here: only torch
and safetensors are.

    import model
    net = model.load()  # for prediction; net.train() to train on{input}
"""
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn
'''
_NORMS = '''
# Batch normalization was trained in MXNet, and two things differ if you train on: MXNet's momentum
# of 0.9, the weight of the old average, is 0.1 here, the weight of the new batch; and MXNet's
# running_var is the average of biased variances (divided by n), here of unbiased ones (divided by
# n - 1). Predictions are the same.
'''
_FIXED = '''

def fixed(norm, *names):
    """A batch norm whose weight (gamma, one) or bias (beta) or both are not trained."""
    for name in names:
        getattr(norm, name).requires_grad_(False)
    return norm
'''
_FROZEN = '''

class Frozen{0}(nn.{0}):
    """A batch norm that normalizes by its running averages in training too, and keeps them."""

    def train(self, mode=True):
        return super().train(False)
'''
_LOAD = '''

def load(path='{weights}'):
    """The net with the weights of the file at `path`, for prediction."""
    net = Net()
    net.load_state_dict(load_file(path))
    return net.eval()
'''


class Value(NamedTuple):
    """A value within a net."""

    shape: tuple  #: numbers, or 'N' for the batch and '4 * N' for four times the batch
    is_integer: bool


def torch_code(net, weights='model.safetensors'):
    """The text of model.py for `net`, a `NetDescription`.

    Blocks that differ in numbers only are one class. Raises ValueError, with all of them, for
    operators that PyTorch lacks.
    """
    structure, info = read_structure(net.symbol, list(net.inputs)), net.info
    check_known(structure.nodes)
    params = {name: array.shape for name, array in net.params.items()}
    values = _values(net, structure, params)
    # The layer whose channels are the classes, if only changes of shape follow it.
    head = next((node for node in reversed(structure.nodes) if node.kind), None)
    names = {block[0].number: structure.names[block[0].number] for part in structure.parts
             for block in part.blocks if not part.stage and block[0].kind}
    classes = values[structure.outputs[0]].shape[1] if net.is_classifier else 0
    chosen = (classes and head and head.kind in ('fc', 'conv')
              and params[head.params[0]][0] == classes
              and list(names.values()).count(names.get(head.number)) == 1)
    layers = {node.number: layer_text(
        node, params, values[node.inputs[0]].shape if node.inputs else (),
        'num_classes' if chosen and node is head else None)
        for node in structure.nodes if node.kind}
    scaling = _words(info.get('scaling'))
    text = _HEAD.format(
        title=_words(info.get('model')) or 'A net', weights=weights,
        inputs=_shapes(values, [-i for i in range(len(net.inputs))]),
        outputs=_shapes(values, structure.outputs),
        input='\n    logits = net(X)  # X: float32, %s' % scaling if scaling else '')
    if any(node.kind == 'bn' for node in structure.nodes):
        text += _NORMS
    if any(node.fixed for node in structure.nodes):
        text += _FIXED
    for name in sorted(set(re.findall(r'Frozen(\w+)', ' '.join(layers.values())))):
        text += _FROZEN.format(name)
    written, calls = _block_classes(structure, layers, values)
    written.append(_net(net, structure, layers, values, calls, names,
                        ['num_classes=%d' % classes] if chosen else []))
    return text + ''.join('\n\n' + code for code in written) + _LOAD.format(weights=weights)


def _values(net, structure, params):
    """{number: `Value`} of a structure, by what MXNet infers for batches of two and of three."""
    graph = Graph(net.symbol)
    found = {node.name: node for node in graph.nodes}
    graph.heads = [found[node.params[0] if node.kind == 'constant' else node.name].entry(
        int(node.attrs.get('output', 0))) for node in structure.nodes]
    symbol, pair, dimensions = graph.symbol(), [], net.dimensions()
    known = set(symbol.list_inputs())
    for n in (2, 3):
        inputs = {name: tuple(n if side == 'N' else size for side, size in zip(
            dimensions[name], sides)) for name, sides in net.inputs.items()}
        _, shapes, _ = symbol.infer_shape_partial(**{
            name: shape for name, shape in dict(params, **inputs).items() if name in known})
        pair.append(list(inputs.values()) + shapes)
    _, types, _ = symbol.infer_type(**{
        name: net.params[name].dtype if name in params else np.float32
        for name in known if name in params or name in inputs})
    numbers = [-i for i in range(len(inputs))] + [node.number for node in structure.nodes]
    types = [np.float32] * len(inputs) + types
    return {number: Value(tuple(
        a if a == b else 'N' if a == 2 else '%d * N' % (a // 2) for a, b in zip(two, three)),
        np.dtype(dtype).kind in 'iu') for number, two, three, dtype in zip(numbers, *pair, types)}


def _shapes(values, numbers):
    return ' and '.join('(%s)' % ', '.join(map(str, values[number].shape)) for number in numbers)


def _words(text):
    """`text` as it may stand in a docstring, whatever somebody called a model."""
    return re.sub(r'[^\w :/.,+()-]', '', str(text or ''))[:60]


def _value_names(net, structure):
    """The names of what goes into a net and comes out, by number; X for a single input."""
    names = {-i: _identifier(name) for i, name in enumerate(net.inputs)}
    if len(names) == 1:
        names = {0: 'X'}
    if len(structure.outputs) > 1:
        for number, name in zip(structure.outputs, net.outputs):
            names.setdefault(number, _identifier(re.sub('_output$', '', name)))
    return names


def _identifier(name):
    """`name` as the name of a variable that is no other's in model.py."""
    name = re.sub(r'\W', '_', name)
    return name if name.isidentifier() and len(name) > 1 and name not in (
        'torch', 'nn', 'self', 'load_file') and not iskeyword(name) else 'value_' + name


def _net(net, structure, layers, values, calls, names, params):
    """The class Net, of all layers and stages."""
    lines, known = [], _value_names(net, structure)
    forward = Forward(_users(structure), values, known, structure.outputs, comments=True)
    for part in structure.parts:
        if not part.stage:
            node = part.blocks[0][0]
            forward.add(node, names)
            line = 'self.%s = %s' % (names.get(node.number), layers.get(node.number))
            if node.kind and line not in lines:
                lines.append(line)
            continue
        rows = []
        for row, group in groupby(calls[block[0].number] for block in part.blocks):
            count = len(list(group))
            rows += [row] * count if count < 4 else ['*[%s for _ in range(%d)]' % (row, count)]
        line = 'self.%s = nn.Sequential(%s)' % (part.stage, ', '.join(rows))
        if len(part.blocks) == 1:
            line = 'self.%s = %s' % (part.stage, rows[0])
        lines += [line] if len(line) <= _LINE else (
            ['self.%s = nn.Sequential(' % part.stage] + ['    %s,' % row for row in rows[:-1]]
            + ['    %s)' % rows[-1]])
        forward.statement(part.blocks[-1][-1].number, 'self.%s({0})' % part.stage,
                          [entry_of(part.blocks[0])])
    entries = ', '.join(known[-i] for i in range(len(net.inputs)))
    return _class_text('Net', params, lines, forward.lines(), entries)


def _block_classes(structure, layers, values):
    """(classes, calls): the text of each class of blocks, and the construction of each block by the
    number of its first node."""
    alike: Dict[str, List] = {}
    users = _users(structure)
    for block in [block for part in structure.parts if part.stage for block in part.blocks]:
        names = layer_names(block)
        lines = ['self.%s = %s' % (names[node.number], layers[node.number])
                 for node in block if node.kind]
        forward = Forward(users, values, {entry_of(block): 'X'}, [block[-1].number])
        for node in block:
            forward.add(node, names)
        # Every second part is a number: the blocks of one class have the others in common.
        parts = re.split(r'(?<![\w.])(\d+)(?![\w.])', '\n'.join(lines))
        pattern = '%s\n%s' % ('#'.join(parts[::2]), '\n'.join(forward.lines()))
        alike.setdefault(pattern, []).append((block, parts, forward.lines()))
    classes, calls = {}, {}
    for blocks in alike.values():
        name = _unused(class_name(blocks[0][0]), list(classes) + ['Net'])
        params = _shared(blocks, values)
        words = {tuple(column): param for param, column in params.items()}
        parts = list(blocks[0][1])
        for i in range(1, len(parts), 2):
            parts[i] = words.get(_column(blocks, i), parts[i])
        classes[name] = _class_text(name, list(params), ''.join(parts).split('\n'), blocks[0][2])
        for i, (block, _, _) in enumerate(blocks):
            calls[block[0].number] = '%s(%s)' % (
                name, ', '.join(column[i] for column in params.values()))
    return list(classes.values()), calls


def _users(structure):
    """How many nodes take each value."""
    return Counter([i for node in structure.nodes for i in node.inputs] + structure.outputs)


def _column(blocks, i):
    return tuple(parts[i] for _, parts, _ in blocks)


def _shared(blocks, values):
    """The parameters of a class: name -> the numbers in each of `blocks` that differ. Numbers that
    always agree are one parameter."""
    entry = tuple(str(values[entry_of(block)].shape[1]) for block, _, _ in blocks)
    leaving = tuple(str(values[block[-1].number].shape[1]) for block, _, _ in blocks)
    params: Dict[str, tuple] = {}
    for i in range(1, len(blocks[0][1]), 2):
        column = _column(blocks, i)
        if len(set(column)) == 1 or column in params.values():
            continue
        keyword = re.search(r'(\w+)=\(?$', blocks[0][1][i - 1])
        if column == entry:
            name = 'channels' if entry == leaving else 'in_channels'
        elif column == leaving:
            name = 'out_channels'
        else:
            name = keyword.group(1) if keyword else 'mid_channels'
        params[_unused(name, params)] = column
    order = ['in_channels', 'mid_channels', 'out_channels']
    return {name: params[name] for name in sorted(
        params, key=lambda name: order.index(name) if name in order else len(order))}


def _unused(name, taken):
    return next(each for each in [name] + ['%s%d' % (name, i) for i in range(2, 1000)]
                if each not in taken)


def _class_text(name, params, lines, body, entries='X'):
    text = 'class %s(nn.Module):\n' % name
    if any(lines):
        text += _wrapped('    def __init__(%s):' % ', '.join(['self'] + params))
        text += '        super().__init__()\n'
        text += ''.join(_wrapped('        ' + line) for line in lines) + '\n'
    return text + '    def forward(self, %s):\n%s' % (
        entries, ''.join(_wrapped('        ' + line) for line in body))


def _wrapped(line):
    """A line and its end, continued below its first bracket if it is too long."""
    if len(line) > _WIDTH:
        line = line.split('  # ')[0]
    lines, indent = [line], ' ' * (line.find('(') + 1)
    while len(lines[-1]) > _WIDTH:
        cut = lines[-1].rfind(', ', len(indent) + 1, _WIDTH) + 1
        if not cut:
            break
        lines[-1:] = [lines[-1][:cut], indent + lines[-1][cut + 1:]]
    return '\n'.join(lines) + '\n'
