"""The lines of a `forward`: from operators in order to statements that a person would write."""
from .calls import call_text
from .layers import ACTIVATIONS


class Forward:
    """The body of a `forward(self, X)`, from nodes in order.

    A norm or an activation goes around the call whose value it alone takes; every other operator
    has a line of its own. `users` has, for each value, how many nodes take it. With `comments` a
    line that changes the shape says to which. `entries` are the names of the values that go in, by
    their numbers, and `outputs` the numbers of those that come out, if not the last one alone.
    """

    def __init__(self, users, shapes, entries=None, comments=False, outputs=()):
        self._users, self._shapes, self._comments = users, shapes, comments
        self._entries, self._outputs = entries or {0: 'X'}, outputs
        self._steps = []  # (number, text, inputs)

    def add(self, node, names):
        """Add a node; `names` are the layers' attributes."""
        if not node.kind:
            text = call_text(node, self._shapes)
        elif node.kind == 'constant':
            text = 'self.%s' % names[node.number]
        elif node.kind == 'embedding':
            text = 'self.%s({0}.long())' % names[node.number]
        elif (node.kind == 'fc' and node.get('flatten', True)
              and len(self._shapes[node.inputs[0]]) > 2):
            text = 'self.%s(torch.flatten({0}, 1))' % names[node.number]
        else:
            text = 'self.%s({0})' % names[node.number]
        inputs = node.inputs
        if self._steps and (node.kind in ('bn', 'prelu') or node.op in ACTIVATIONS):
            before, within, taken = self._steps[-1]
            if inputs == [before] and self._users[before] == 1:
                text, inputs = text.format(within), taken
                self._steps.pop()
        self.statement(node.number, text, inputs)

    def statement(self, number, text, inputs):
        """Add a line whose value is `number`; '{0}', '{1}' in `text` are its `inputs`."""
        self._steps.append((number, text, inputs))

    def lines(self):
        """The body of the function."""
        last_use = {value: i for i, (_, _, inputs) in enumerate(self._steps) for value in inputs}
        last_use.update((value, len(self._steps)) for value in self._outputs)
        names, lines = dict(self._entries), []
        for i, (number, text, inputs) in enumerate(self._steps):
            text = text.format(*[names[value] for value in inputs])
            if i == len(self._steps) - 1 and not self._outputs:
                line = 'return ' + text
            else:
                # In the book X goes in and Y is made of it; a name that is free serves again.
                free = [names[value] for value in inputs if last_use[value] == i]
                held = {names[value] for value in names if last_use.get(value, -1) > i}
                free += [name for name in ['X', 'Y', 'Z'] + ['Y%d' % k for k in range(1, 500)]
                         if name not in held]
                names[number] = free[0]
                line = '%s = %s' % (free[0], text)
            shape = self._shapes.get(number)
            if self._comments and shape and inputs and shape != self._shapes.get(inputs[0]):
                line += '  # (%s)' % ', '.join(['N'] + list(map(str, shape[1:])))
            lines.append(line)
        if self._outputs:
            lines.append('return ' + ', '.join(names[value] for value in self._outputs))
        return lines
