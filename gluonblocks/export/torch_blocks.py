"""The blocks of a net as classes of plain PyTorch: those that are alike are one class."""
from typing import Any, Dict, List

from .torch_forward import LINE, Step, forward_lines
from .torch_graph import ADDITIONS, layer_names
from .torch_operators import expression_of


def block_classes(structure, modules, values):
    """(classes, calls): the text of each class, and how each block is made, by its first node's
    number: (the class's name, arguments).

    `modules` are those of the layers and `values` the shapes of all values, by number.
    """
    alike: Dict[Any, List[Any]] = {}
    for part in structure.parts:
        for block in part.blocks if part.stage else []:
            alike.setdefault(_pattern(block, modules, values), []).append(block)
    classes, calls, taken = [], {}, {'Net'}
    for blocks in alike.values():
        name = _class_name(blocks[0], taken)
        params = _shared(blocks, modules, values)
        classes.append(_class_code(name, blocks, modules, values, params))
        for i, block in enumerate(blocks):
            calls[block[0].number] = name, [vector[i] for vector in params.values()]
    return classes, calls


def _pattern(block, modules, values):
    """What two blocks have in common that one class can make: all but the modules' arguments."""
    local, pattern = {_entry(block): 0}, []
    for i, node in enumerate(block):
        if node.kind:
            what = (modules[node.number].name, modules[node.number].fixed,
                    len(values[node.inputs[0]]))
        else:
            what = expression_of(node, values)
        pattern.append((what, tuple(local[number] for number in node.inputs)))
        local[node.number] = i + 1
    return tuple(pattern)


def _entry(block):
    """The number of the value that a block takes."""
    return min(number for node in block for number in node.inputs)


def _class_name(block, taken):
    last = block[-1] if block[-1].op in ADDITIONS + ('Concat',) else block[-2]
    entry = _entry(block)
    if last.op in ADDITIONS:
        name = 'Residual' if entry in last.inputs else 'ProjectedResidual'
    elif last.op == 'Concat':
        name = 'DenseLayer' if entry in last.inputs else 'Branches'
    else:
        name = 'Block'
    names = [name] + ['%s%d' % (name, i) for i in range(2, 1000)]
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return name


_SAYS = {
    'Residual': 'What its layers make of X, and X itself, added: D2L 5.12.',
    'ProjectedResidual': 'What two rows of layers make of X, one the shortcut, added: D2L 5.12.',
    'DenseLayer': 'X, and behind it the channels that its layers make of X: D2L 5.13.',
    'Branches': 'What several rows of layers make of X, one behind the other along the channels.',
}


def _shared(blocks, modules, values):
    """The parameters of a class: name -> the values in each of `blocks`, where they are not all
    the same. Arguments that always agree are one parameter."""
    entry = [values[_entry(block)][1] for block in blocks]
    leaving = [values[block[-1].number][1] for block in blocks]
    params: Dict[str, List[Any]] = {}
    for i, node in enumerate(blocks[0]):
        for arg in modules[node.number].args if node.kind else []:
            vector = [modules[block[i].number].args[arg] for block in blocks]
            if len(set(vector)) == 1 or vector in params.values():
                continue
            if vector == entry:
                name = 'channels' if entry == leaving else 'in_channels'
            elif vector == leaving:
                name = 'out_channels'
            else:
                name = 'mid_channels' if 'channels' in arg or 'features' in arg else arg
            names = [name] + ['%s%d' % (name, k) for k in range(2, 100)]
            params[next(name for name in names if name not in params)] = vector
    order = ['in_channels', 'mid_channels', 'out_channels']
    return {name: params[name] for name in sorted(
        params, key=lambda name: order.index(name) if name in order else len(order))}


def _class_code(name, blocks, modules, values, params):
    block, lines = blocks[0], []
    names = layer_names(block)
    for i, node in enumerate(block):
        if node.kind:
            vectors = {arg: [modules[other[i].number].args[arg] for other in blocks]
                       for arg in modules[node.number].args}
            words = {arg: next((param for param, vector in params.items()
                                if vector == vectors[arg] and len(set(vector)) > 1), None)
                     for arg in vectors}
            lines.append('self.%s = %s' % (names[node.number], construct(
                modules[node.number], {arg: word for arg, word in words.items() if word})))
    entry = _entry(block)
    says = _SAYS.get(name.rstrip('0123456789'))
    return write_class(name, list(params), says, lines,
                        forward_lines([step_of(node, names, values) for node in block], entry))


def construct(module, words=()):
    """The text that constructs a module; `words` are to stand in the place of arguments."""
    parts = []
    for i, (arg, value) in enumerate(module.args.items()):
        text = words[arg] if arg in words else repr(value)
        if i < module.positional:
            parts.append(text)
        elif arg in words or module.defaults.get(arg) != value or arg not in module.defaults:
            parts.append('%s=%s' % (arg, text))
    text = '%s(%s)' % (module.name, ', '.join(parts))
    return 'fixed_gamma(%s)' % text if module.fixed else text


def step_of(node, names, values):
    """A node as a `Step`, its layer by the name that it has as an attribute."""
    if node.kind:
        text = 'self.%s({0})' % names[node.number]
        if node.kind == 'fc' and len(values[node.inputs[0]]) > 2:
            text = 'self.%s(torch.flatten({0}, 1))' % names[node.number]
        # A convolution begins a line; the norm, the activation, the sum that follow go around it.
        return Step(node.number, text, node.inputs, inline=True, open=node.kind in ('bn', 'prelu'))
    made = expression_of(node, values)
    return Step(node.number, made.text, node.inputs, made.binary,
                inline=node.op in ('Flatten', '_plus_scalar') + ADDITIONS)


def _wrap(line):
    """A call that is too long for a line, on two, its arguments below each other."""
    if len(line) <= LINE or not line.endswith(')') or line.startswith(' '):
        return line
    cut = line.rindex(', ', 0, LINE) + 1
    return line[:cut] + '\n' + ' ' * (8 + line.index('(') + 1) + line[cut + 1:]


def write_class(name, params, says, lines, body):
    """The text of a module: what its docstring `says`, and the lines of its two methods."""
    text = 'class %s(nn.Module):\n' % name
    if says:
        text += '    """%s"""\n\n' % says
    if lines:
        text += '    def __init__(%s):\n        super().__init__()\n' % ', '.join(['self'] + params)
        text += ''.join('        %s\n' % _wrap(line) for line in lines) + '\n'
    return text + '    def forward(self, X):\n' + ''.join('        %s\n' % line for line in body)
