"""A graph as a file of plain PyTorch that a person reads and changes: model.py."""
import collections
import re
from typing import Dict, List

from ...graphs.graph import Graph
from .forward import Forward
from .layers import ADDITIONS, layer_names, read_structure
from .operators import layer_text

_LINE = 88  # characters of a list of blocks before each gets a line of its own
_BATCH = 7919  # a prime, so that no other size in a net is mistaken for the batch's

_HEAD = '''"""{title} in plain PyTorch: {shape} -> {classes}.

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


def torch_code(net, weights='model.safetensors'):
    """The text of model.py for `net`, a `NetDescription`.

    Blocks that differ in numbers only are one class. Raises ValueError for an operator that is not
    known.
    """
    structure, info = read_structure(net.symbol, list(net.inputs)), net.info
    params = {name: array.shape for name, array in net.params.items()}
    batch = {name: tuple(_BATCH if side == 'N' else int(size) for side, size in zip(
        net.dimensions()[name], sides)) for name, sides in net.inputs.items()}
    graph = Graph(net.symbol, **dict(params, **batch))
    shapes = {-i: sides for i, sides in enumerate(batch.values())}
    found = {node.name: node for node in graph.nodes if node.op != 'null'}
    for node in structure.nodes:
        if node.op == 'constant':
            shapes[node.number] = params[node.params[0]]
        elif node.name in found:
            shapes[node.number] = graph.shape(found[node.name].entry(
                int(node.attrs['index']) if node.op == 'item' else 0))
    last = structure.nodes[-1]
    chosen, classes = False, 0
    # The layer whose channels are the classes, if only changes of shape follow it.
    head = next((node for node in reversed(structure.nodes) if node.kind), last)
    if net.is_classifier:
        classes = shapes[last.number][1]
        chosen = (head.kind in ('fc', 'conv') and params[head.params[0]][0] == classes and
                  head.number in _own_layers(structure) and
                  sum(node.params == head.params for node in structure.nodes) == 1)
    layers = {node.number: layer_text(node, params, shapes[node.inputs[0]] if node.inputs else (),
                                      'num_classes' if chosen and node is head else None)
              for node in structure.nodes if node.kind}
    scaling = _words(info.get('scaling'))
    text = _HEAD.format(
        title=_words(info.get('model')) or 'A net', weights=weights,
        shape=' and '.join('(%s)' % _sizes(shapes[-i]) for i in range(len(net.inputs))),
        classes=' and '.join('(%s)' % _sizes(shapes[number]) for number in structure.outputs),
        input='\n    logits = net(X)  # X: float32, %s' % scaling if scaling else '')
    if any(node.kind == 'bn' for node in structure.nodes):
        text += _NORMS
    if any(node.fixed for node in structure.nodes):
        text += _FIXED
    for name in sorted({found for layer in layers.values()
                        for found in re.findall(r'Frozen(\w+)', layer)}):
        text += _FROZEN.format(name)
    written, calls = _block_classes(structure, layers, shapes)
    written.append(_net(structure, layers, shapes, calls,
                        ['num_classes=%d' % classes] if chosen else [], _entries(net.inputs)))
    return text + ''.join('\n\n' + code for code in written) + _LOAD.format(weights=weights)


def _sizes(shape):
    return ', '.join('N' if size == _BATCH else str(size) for size in shape)


def _entries(inputs):
    """The names of the arguments of Net.forward by the inputs' numbers: X, or the inputs' names."""
    if len(inputs) == 1:
        return {0: 'X'}
    return {-i: re.sub(r'\W', '_', name) for i, name in enumerate(inputs)}


def _words(text):
    """`text` as it may stand in a docstring, whatever somebody called a model."""
    return re.sub(r'[^\w :/.,+()-]', '', str(text or ''))[:60]


def _own_layers(structure):
    """{number: name} of the layers that belong to the net itself and not to a block."""
    return {node.number: structure.names[node.number] for part in structure.parts
            if not part.stage for block in part.blocks for node in block if node.kind}


def _net(structure, layers, shapes, calls, params, entries):
    """The class Net, of all layers and stages."""
    names, lines, value = _own_layers(structure), [], 0
    single = structure.outputs == [structure.nodes[-1].number]
    forward = Forward(_users(structure), shapes, entries, comments=True,
                      outputs=() if single else structure.outputs)
    for part in structure.parts:
        for node in [] if part.stage else [block[0] for block in part.blocks]:
            forward.add(node, names)
            line = 'self.%s = %s' % (names.get(node.number), layers.get(node.number))
            if node.kind and line not in lines:
                lines.append(line)
        if part.stage:
            rows = [calls[block[0].number] for block in part.blocks]
            line = 'self.%s = nn.Sequential(%s)' % (part.stage, ', '.join(rows))
            lines += [line] if len(line) <= _LINE else (
                ['self.%s = nn.Sequential(' % part.stage] + ['    %s,' % row for row in rows[:-1]]
                + ['    %s)' % rows[-1]])
            forward.statement(part.blocks[-1][-1].number, 'self.%s({0})' % part.stage, [value])
        value = part.blocks[-1][-1].number
    return _class_text('Net', params, lines, forward.lines(), ', '.join(entries.values()))


def _block_classes(structure, layers, shapes):
    """(classes, calls): the text of each class of blocks, and the construction of each block by the
    number of its first node."""
    alike: Dict[str, List] = {}
    for block in [block for part in structure.parts if part.stage for block in part.blocks]:
        names = layer_names(block)
        lines = ['self.%s = %s' % (names[node.number], layers[node.number])
                 for node in block if node.kind]
        forward = Forward(_users(structure), shapes, {_entry(block): 'X'})
        for node in block:
            forward.add(node, names)
        # Every second part is a number: the blocks of one class have the others in common.
        parts = re.split(r'(?<![\w.])(\d+)(?![\w.])', '\n'.join(lines))
        pattern = '%s\n%s' % ('#'.join(parts[::2]), '\n'.join(forward.lines()))
        alike.setdefault(pattern, []).append((block, parts, forward.lines()))
    classes, calls = [], {}
    for blocks in alike.values():
        name = _class_name(blocks[0][0], [text.split('(')[0] for text in classes])
        params = _shared(blocks, shapes)
        words = {tuple(column): param for param, column in params.items()}
        parts = list(blocks[0][1])
        for i in range(1, len(parts), 2):
            parts[i] = words.get(_column(blocks, i), parts[i])
        classes.append(_class_text(name, list(params), ''.join(parts).split('\n'), blocks[0][2]))
        for i, (block, _, _) in enumerate(blocks):
            calls[block[0].number] = '%s(%s)' % (
                name, ', '.join(column[i] for column in params.values()))
    return classes, calls


def _users(structure):
    """How many nodes take each value."""
    return collections.Counter([i for node in structure.nodes for i in node.inputs] +
                               structure.outputs)


def _entry(block):
    """The number of the value that a block takes."""
    return min(number for node in block for number in node.inputs)


def _column(blocks, i):
    return tuple(parts[i] for _, parts, _ in blocks)


def _shared(blocks, shapes):
    """The parameters of a class: name -> the numbers in each of `blocks` that differ. Numbers that
    always agree are one parameter."""
    entry = tuple(str(shapes[_entry(block)][1]) for block, _, _ in blocks)
    leaving = tuple(str(shapes[block[-1].number][1]) for block, _, _ in blocks)
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


def _class_name(block, taken):
    last = block[-1] if block[-1].op in ADDITIONS + ('Concat',) else block[-2]
    straight = _entry(block) in last.inputs
    name = 'Block'
    if last.op in ADDITIONS:
        name = 'Residual' if straight else 'ProjectedResidual'
    elif last.op == 'Concat':
        name = 'DenseLayer' if straight else 'Branches'
    return _unused(name, [each.replace('class ', '') for each in taken] + ['Net'])


def _class_text(name, params, lines, body, entries='X'):
    text = 'class %s(nn.Module):\n' % name
    if any(lines):
        text += '    def __init__(%s):\n        super().__init__()\n' % ', '.join(['self'] + params)
        text += ''.join('        %s\n' % line for line in lines) + '\n'
    return text + '    def forward(self, %s):\n%s' % (
        entries, ''.join('        %s\n' % line for line in body))
