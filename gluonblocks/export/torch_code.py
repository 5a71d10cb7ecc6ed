"""A graph as a file of plain PyTorch that a person reads: model.py."""
import re

from .torch_blocks import block_classes, construct, step_of, write_class
from .torch_forward import LINE, Step, forward_lines
from .torch_graph import infer_shapes, read_structure
from .torch_operators import module_of

_BATCH = 7919  # a prime, so that no other length in a net is taken for the batch

_HEAD = '''"""{title} in plain PyTorch: (N, {shape}) -> (N, {classes}).

The weights lie in {weights}. Written by gluonblocks, which is not needed here: only
torch and safetensors are.

    import model
    net = model.load()  # for prediction; net.train() to train on{input}
"""
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn
'''
_NORMS = '''
# Batch normalization was trained in MXNet, and two things differ for who trains on: a momentum of
# 0.9 there, the weight of the old average, is one of 0.1 here, that of the new batch; and
# running_var there is the average of biased variances (divided by n), here of unbiased ones
# (divided by n - 1). In prediction both compute the same.
'''
_FIXED = '''

def fixed_gamma(norm):
    """A batch norm whose weight, gamma, stays at one; its bias, beta, is trained."""
    nn.init.ones_(norm.weight).requires_grad_(False)
    return norm
'''
_LOAD = '''

def load(path='{weights}'):
    """The net with the weights of the file at `path`, for prediction."""
    net = Net()
    net.load_state_dict(load_file(path))
    return net.eval()
'''


def torch_code(symbol, shapes, shape, info=None, weights='model.safetensors'):
    """The text of model.py for `symbol`, a graph for prediction, and images of `shape`, (C, H, W).

    `shapes` are those of the parameters by name; `info` may have 'model' and 'scaling', for the
    text at its head. Raises ValueError for an operator that is not known, by its name.
    """
    structure, info = read_structure(symbol), info or {}
    values = infer_shapes(symbol, (_BATCH,) + tuple(shape))
    values = {number: ('N',) + tuple(sides[1:]) if sides[0] == _BATCH else tuple(sides)
              for number, sides in values.items()}
    modules = {node.number: module_of(node, shapes, values[node.inputs[0]])
               for node in structure.nodes if node.kind}
    classes, calls = block_classes(structure, modules, values)
    scaling = _words(info.get('scaling'))
    head = _HEAD.format(
        title=_words(info.get('model')) or 'A net', shape=', '.join(map(str, shape)),
        weights=weights, classes=', '.join(map(str, values[structure.nodes[-1].number][1:])),
        input='\n    logits = net(X)  # X: float32, %s' % scaling if scaling else '')
    text = head
    if any(node.kind == 'bn' for node in structure.nodes):
        text += _NORMS
    if any(module.fixed for module in modules.values()):
        text += _FIXED
    for code in classes:
        text += '\n\n' + code
    return text + '\n\n' + _net(structure, modules, values, calls) + _LOAD.format(weights=weights)


def _words(text):
    """`text` as it may stand in a docstring, whatever somebody called a model."""
    return re.sub(r'[^\w :/.,+()-]', '', str(text or ''))[:60]


def _net(structure, modules, values, calls):
    """The class Net, of all parts."""
    lines, steps, names = [], [], {}
    last = next((node for node in reversed(structure.nodes) if node.kind in ('fc', 'conv')), None)
    names = {node.number: structure.names[node.number] for part in structure.parts
             if not part.stage for block in part.blocks for node in block if node.kind}
    # The last layer's channels are the classes, where nothing but a change of shape follows it.
    classes = values[structure.nodes[-1].number][1]
    chosen = last is not None and last.number in names and modules[last.number].args[
        'out_features' if last.kind == 'fc' else 'out_channels'] == classes and not any(
        node.kind for node in structure.nodes[last.number:])
    written, value = set(), 0
    for part in structure.parts:
        if part.stage:
            lines += _stage(part, [calls[block[0].number] for block in part.blocks])
            steps.append(Step(part.last, 'self.%s({0})' % part.stage, [value], open=False))
        for block in part.blocks if not part.stage else []:
            node = block[0]
            steps.append(step_of(node, names, values))
            if node.kind and names[node.number] not in written:
                written.add(names[node.number])
                out = 'out_features' if node.kind == 'fc' else 'out_channels'
                lines.append('self.%s = %s' % (names[node.number], construct(
                    modules[node.number], {out: 'num_classes'} if chosen and node is last else {})))
        value = part.last
    return write_class('Net', ['num_classes=%d' % classes] if chosen else [], None, lines,
                        forward_lines(steps, 0, values))


def _stage(part, calls):
    """The lines that make a stage, a row of blocks; alike ones are written once."""
    rows, i = [], 0
    while i < len(calls):
        run, step = _run(calls[i:])
        name, args = calls[i]
        if run < 3:
            rows.append('%s(%s)' % (name, ', '.join(map(repr, args))))
            i += 1
            continue
        words = [repr(arg) if not by else '%r + %r * i' % (arg, by) for arg, by in zip(args, step)]
        rows.append('*[%s(%s) for %s in range(%d)]' % (
            name, ', '.join(words), 'i' if any(step) else '_', run))
        i += run
    line = 'self.%s = nn.Sequential(%s)' % (part.stage, ', '.join(rows))
    if len(line) <= LINE:
        return [line]
    return (['self.%s = nn.Sequential(' % part.stage] + ['    %s,' % row for row in rows[:-1]]
            + ['    %s)' % rows[-1]])


def _run(calls):
    """How many blocks from the first on are alike but for numbers that grow evenly, and by what."""
    name, args = calls[0]
    numbers = all(isinstance(arg, int) and not isinstance(arg, bool) for arg in args)
    if len(calls) < 2 or calls[1][0] != name or not (numbers or calls[1][1] == args):
        return 1, []
    step = [b - a if numbers else 0 for a, b in zip(args, calls[1][1])]
    count = 1
    while count < len(calls) and calls[count] == (
            name, [arg + by * count if by else arg for arg, by in zip(args, step)]):
        count += 1
    return count, step
