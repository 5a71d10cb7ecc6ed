"""The lines of a `forward`: from operators in order to statements that a person would write."""
import re

from .layers import ADDITIONS
from .operators import call_text

LINE = 88  # characters of an expression before it gets a line of its own
_BINARY = re.compile(r'.* [-+*/] ')


class Forward:
    """The body of a `forward(self, X)`, from nodes in order.

    Given `shapes`, a line that changes the shape says to which. X is the value `entry`.
    """

    def __init__(self, shapes=None, entry=0):
        self._shapes, self._entry = shapes, entry
        self._steps = []  # (number, text, inputs, may stand within the next, takes others within)

    def add(self, node, names, shapes=None):
        """Add a node; `names` are the layers' attributes."""
        shapes = shapes or self._shapes
        if not node.kind:
            inline = node.op in ('Flatten', '_plus_scalar') + ADDITIONS
            self._steps.append((node.number, call_text(node, shapes), node.inputs, inline, True))
            return
        text = 'self.%s({0})' % names[node.number]
        if node.kind == 'fc' and len(shapes[node.inputs[0]]) > 2:
            text = 'self.%s(torch.flatten({0}, 1))' % names[node.number]
        # A convolution begins a line; the norm, the activation, the sum that follow go around it.
        self._steps.append((node.number, text, node.inputs, True, node.kind in ('bn', 'prelu')))

    def statement(self, number, text, inputs):
        """Add a line of its own."""
        self._steps.append((number, text, inputs, False, False))

    def lines(self):
        """The body of the function."""
        trees = self._trees()
        last_use = {leaf: i for i, (_, _, leaves) in enumerate(trees) for leaf in leaves}
        names, lines = {self._entry: 'X'}, []
        for i, (number, text, leaves) in enumerate(trees):
            text = re.sub(r'\{(\d+)\}', lambda match: names[int(match.group(1))], text)
            if i == len(trees) - 1:
                line = 'return ' + text
            else:
                # In the book X goes in and Y is made of it; a name that is free serves again.
                free = [names[leaf] for leaf in leaves if last_use[leaf] == i]
                held = {names[value] for value in names if last_use.get(value, -1) > i}
                free += [name for name in ['X', 'Y', 'Z'] + ['Y%d' % k for k in range(1, 500)]
                         if name not in held]
                names[number] = free[0]
                line = '%s = %s' % (free[0], text)
            if self._shapes and self._shapes[number] != self._shapes[leaves[0]]:
                line += '  # (%s)' % ', '.join(['N'] + list(map(str, self._shapes[number][1:])))
            lines.append(line)
        return lines

    def _trees(self):
        """The statements: (number, text with '{number}' for each value, these numbers)."""
        users, made, waiting = {}, [], {}
        for step in self._steps:
            for number in step[2]:
                users.setdefault(number, []).append(step)
        for number, text, inputs, inline, _ in self._steps:
            named = {i: (i, '{%d}' % i, [i]) for i in inputs}
            parts = [waiting.pop(i, named[i]) for i in inputs]
            tree = _nested(number, text, parts)
            if len(re.sub(r'\{\d+\}', 'Y1', tree[1])) > LINE:  # those within get their own lines
                made += [part for part in parts if part != named[part[0]]]
                tree = _nested(number, text, named.values())
            if inline and len(users.get(number, [])) == 1 and users[number][0][4]:
                waiting[number] = tree
            else:
                made.append(tree)
        return made


def _nested(number, text, parts):
    """The statement `text` of the statements or values `parts`, with parentheses where needed."""
    if _BINARY.match(text):
        inner = ['(%s)' % part[1] if _BINARY.match(part[1]) else part[1] for part in parts]
    else:
        inner = [part[1] for part in parts]
    return number, text.format(*inner), [leaf for part in parts for leaf in part[2]]
