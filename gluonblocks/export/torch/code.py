"""Generate model.py: plain PyTorch code for people to read and edit."""
import keyword
import re
from collections import Counter
from itertools import groupby
from textwrap import fill

from .blocks import class_name, entry_of
from .calls import check_known
from .forward import Forward
from .layers import layer_text
from .structure import layer_names, read_structure, values_of

_LINE = 65  # characters; a longer list of blocks gets one line per block
_WIDTH = 100  # maximum characters of a line

_HEAD = '''"""{title}

Written by gluonblocks, but this file needs only torch and safetensors. The weights are in
{weights}.

    import model
    net = model.load()  # in eval mode; call net.train() to continue training{input}
"""
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn
'''
_NORMS = '''
# This net was trained in MXNet, which uses different conventions for batch normalization. PyTorch's
# momentum is the weight of the new batch (0.1), but MXNet's is the weight of the old average (0.9).
# If you continue training, PyTorch will update running_var with unbiased variances (divided by
# n - 1), whereas MXNet uses biased ones (divided by n). Predictions do not differ.
'''
_FIXED = '''

def fixed(norm, *names):
    """Exclude parameters of a batch norm, 'weight' (gamma, which is 1) or 'bias', from training."""
    for name in names:
        getattr(norm, name).requires_grad_(False)
    return norm
'''
_FROZEN = '''

class Frozen{0}(nn.{0}):
    """A batch norm that uses its running statistics in training too, and never updates them."""

    def train(self, mode=True):
        return super().train(False)
'''
_LOAD = '''

def load(path='{weights}'):
    """Return the net in eval mode, with the weights from the file at `path`."""
    net = Net()
    net.load_state_dict(load_file(path))
    return net.eval()
'''


def torch_code(net, weights='model.safetensors'):
    """Return the source of model.py for `net`, a `NetDescription`.

    Blocks that differ only in numeric arguments become instances of the same Python class. Raises
    ValueError if operators have no counterpart in PyTorch; the message lists all of them.
    """
    structure, info = read_structure(net.symbol, list(net.inputs)), net.info
    check_known(structure.nodes)
    params = {name: array.shape for name, array in net.params.items()}
    values = values_of(net, structure)
    layers = {node.number: layer_text(node, params, values[node.inputs[0]].shape if node.inputs
                                      else ()) for node in structure.nodes if node.kind}
    own = {block[0].number: structure.names[block[0].number] for section in structure.sections
           for block in section.blocks if not section.stage and block[0].kind}
    # If the last layer has one output per class, write `num_classes` as its output size.
    head = next((node for node in reversed(structure.nodes) if node.kind), None)
    arguments = []
    if net.is_classifier and head and head.kind in ('fc', 'conv') and list(
            own.values()).count(own.get(head.number)) == 1:
        classes = values[structure.outputs[0]].shape[1]
        if params[head.params[0]][0] == classes:
            arguments = ['num_classes=%d' % classes]
            layers[head.number] = layer_text(head, params, values[head.inputs[0]].shape,
                                             'num_classes')
    scaling = _docstring_safe(info.get('scaling'))
    title = '%s in plain PyTorch: %s -> %s.' % (
        _docstring_safe(info.get('model')) or 'A net', *[
            ' and '.join('(%s)' % ', '.join(map(str, values[i].shape)) for i in numbers)
            for numbers in (range(0, -len(net.inputs), -1), structure.outputs)])
    text = _HEAD.format(
        title=fill(title, _WIDTH - 3), weights=weights,
        input='\n    logits = net(X)  # X: float32, %s' % scaling if scaling else '')
    if any(node.kind == 'bn' for node in structure.nodes):
        text += _NORMS
    if any(node.fixed for node in structure.nodes):
        text += _FIXED
    for name in sorted(set(re.findall(r'Frozen(\w+)', ' '.join(layers.values())))):
        text += _FROZEN.format(name)
    classes, calls = _block_classes(structure, layers, values)
    classes.append(_net(net, structure, layers, values, calls, own, arguments))
    return text + ''.join('\n\n' + code for code in classes) + _LOAD.format(weights=weights)


def _docstring_safe(text):
    """Return the first 60 characters of `text` that are safe in a docstring."""
    return re.sub(r'[^\w :/.,+()-]', '', str(text or ''))[:60]


def _net(net, structure, layers, values, calls, own, arguments):
    """Return the source of the class Net.

    `own` is {node number: attribute name} for the layers that do not belong to a stage.
    """
    named = [(-i, name) for i, name in enumerate(net.inputs)] if len(net.inputs) > 1 else []
    if len(structure.outputs) > 1:
        named += [(number, re.sub('_output$', '', name))
                  for number, name in zip(structure.outputs, net.outputs) if number > 0]
    names = {} if len(net.inputs) > 1 else {0: 'X'}
    for number, name in named:
        names[number] = _unused(_identifier(name), names.values())
    entries = ', '.join(names[-i] for i in range(len(net.inputs)))
    forward, lines = Forward(_users(structure), values, names, structure.outputs, True), {}
    for section in structure.sections:
        node = section.blocks[0][0]
        if not section.stage:
            forward.add(node, own)
            if node.kind:
                lines[own[node.number]] = layers[node.number]
            continue
        forward.statement(section.blocks[-1][-1].number, 'self.%s({0})' % section.stage,
                          [entry_of(section.blocks[0])])
        rows = []
        for row, group in groupby(calls[block[0].number] for block in section.blocks):
            count = len(list(group))
            rows += [row] * count if count < 4 else ['*[%s for _ in range(%d)]' % (row, count)]
        text = ', '.join(rows)
        if len(section.blocks) > 1:
            text = 'nn.Sequential(%s)' % (text if len(text) < _LINE else '\n%s' % ',\n'.join(
                ' ' * 12 + row for row in rows))
        lines[section.stage] = text
    return _class_text('Net', arguments, lines, forward.lines(), entries)


def _identifier(name):
    """Turn `name` into a variable name of at least three characters, to avoid names such as nn."""
    name = re.sub(r'\W', '_', name)
    reserved = keyword.iskeyword(name) or name in ('self', 'torch')
    return name if re.match(r'[^\d]\w\w', name) and not reserved else 'value_' + name


def _users(structure):
    """Count how often each value is used, by nodes or as an output of the graph."""
    return Counter([i for node in structure.nodes for i in node.inputs] + structure.outputs)


def _block_classes(structure, layers, values):
    """Return a list of class definitions, and a dict of the blocks' constructor calls.

    A key of the dict is the `number` of a block's first node.
    """
    alike, users = {}, _users(structure)
    for block in [block for section in structure.sections if section.stage
                  for block in section.blocks]:
        names = layer_names(block)
        forward = Forward(users, values, {entry_of(block): 'X'}, [block[-1].number])
        for node in block:
            forward.add(node, names)
        # Split the code of the layers so that every second piece is a number. Blocks that differ
        # only in these numbers become instances of the same Python class.
        pieces = re.split(r'(?<![\w.])(\d+)(?![\w.])', '\n'.join(
            layers[node.number] for node in block if node.kind))
        pattern = tuple(pieces[::2] + forward.lines())
        alike.setdefault(pattern, []).append((block, pieces, names, forward.lines()))
    classes, calls = {}, {}
    for same in alike.values():
        blocks, texts, names, bodies = zip(*same)
        name = _unused(class_name(blocks[0]), list(classes) + ['Net'])
        columns = list(zip(*texts))
        params = _params(blocks, columns, values)
        own = ''.join(params.get(column, column[0]) for column in columns).split('\n')
        classes[name] = _class_text(
            name, list(params.values()), dict(zip(names[0].values(), own)), bodies[0])
        for i, block in enumerate(blocks):
            calls[block[0].number] = '%s(%s)' % (name, ', '.join(column[i] for column in params))
    return list(classes.values()), calls


def _params(blocks, columns, values):
    """Return {column: name} for the constructor parameters of a generated class.

    `blocks` are the instances of this class. The source code of their layers is split into pieces,
    and every second piece is a number. `columns` contains one tuple per piece, with the text of
    the piece in each block. Numbers that vary become parameters.
    """
    channels_in = tuple(str(values[entry_of(block)].shape[1]) for block in blocks)
    channels_out = tuple(str(values[block[-1].number].shape[1]) for block in blocks)
    params = {}
    for before, column in zip(columns[::2], columns[1::2]):
        if len(set(column)) == 1 or column in params:
            continue
        keyword = re.search(r'(\w+)=\(?$', before[0])
        name = keyword.group(1) if keyword else 'mid_channels'
        if column == channels_in:
            name = 'channels' if channels_in == channels_out else 'in_channels'
        elif column == channels_out:
            name = 'out_channels'
        params[column] = _unused(name, params.values())
    order = ['in_channels', 'mid_channels', 'out_channels']
    return dict(sorted(params.items(), key=lambda item: order.index(item[1])
                       if item[1] in order else len(order)))


def _unused(name, used):
    return next(other for other in [name] + ['%s%d' % (name, i) for i in range(2, 1000)]
                if other not in used)


def _class_text(name, params, layers, body, entries='X'):
    text = 'class %s(nn.Module):\n' % name
    if layers:
        text += _wrapped('    def __init__(%s):' % ', '.join(['self'] + params))
        text += '        super().__init__()\n' + ''.join(
            _wrapped('        self.%s = %s' % layer) for layer in layers.items()) + '\n'
    return text + '    def forward(self, %s):\n%s' % (
        entries, ''.join(_wrapped('        ' + line) for line in body))


def _wrapped(line):
    """Return `line` with a trailing newline. If it is too long, drop its comment and wrap it."""
    if len(line) > _WIDTH:
        line = line.split('  # ')[0]
    lines, indent = [line], ' ' * (line.find('(') + 1)
    while len(lines[-1]) > _WIDTH and '\n' not in line:
        cut = lines[-1].rfind(', ', len(indent) + 1, _WIDTH) + 1
        if not cut:
            break
        lines[-1:] = [lines[-1][:cut], indent + lines[-1][cut + 1:]]
    return '\n'.join(lines) + '\n'
