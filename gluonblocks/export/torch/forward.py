"""Turn a sequence of operators into the statements of a readable `forward` method."""
import re
from collections import Counter

from .blocks import ACTIVATIONS
from .calls import ARITHMETIC, call_text
from .shaping import flatten

_MAX_LENGTH = 84  # maximum characters of an expression that contains an inlined one
_NAMES = ['X', 'Y', 'Z'] + ['Y%d' % i for i in range(1, 500)]  # variable names, by preference


class Forward:
    """The body of a `forward` method, built node by node in execution order.

    Batch norms and activations wrap the call that computes their input. Arithmetic is inlined
    into the expression that uses it, unless this makes the line too long. Both happen only for
    values that are used once. Every other operator gets its own line.

    `users` counts the uses of each value, and `values` is as in `call_text`. `names` maps the
    numbers of the inputs, and of other values with fixed names, to those names. `outputs` lists the
    numbers of the returned values. If `comments` is true, a comment states each new shape.
    """

    def __init__(self, users, values, names, outputs, comments=False):
        self._users, self._values, self._comments = Counter(users), values, comments
        self._names, self._outputs = names, outputs
        self._texts = {}  # {number: expression}; <3> is the value of node 3
        self._arithmetic = set()  # numbers of expressions that may be inlined
        self._short = {}  # {number: short expression that is repeated at every use}

    def add(self, node, names):
        """Add `node` to `forward`; `names` maps the node numbers of layers to attribute names."""
        wraps = node.kind in ('bn', 'prelu') or node.op in ACTIVATIONS
        text = 'self.%s({0})' % names.get(node.number)
        if not node.kind:
            text = call_text(node, self._values)
        elif node.kind == 'constant':
            text = 'self.' + names[node.number]
        elif node.kind == 'embedding':
            text = 'self.%s({0}.long().clamp(0, %d))' % (names[node.number],
                                                         node.get('input_dim') - 1)
        elif (node.kind == 'fc' and node.get('flatten', True)
              and len(self._values[node.inputs[0]].shape) != 2):
            text = 'self.%s(%s)' % (names[node.number], flatten(node, self._values))
        arithmetic = not node.kind and (node.op in ARITHMETIC or wraps or not node.inputs)
        self.statement(node.number, text, node.inputs, wraps, not node.kind, arithmetic)

    def statement(self, number, text, inputs, wraps=False, call=False, arithmetic=False):
        """Add a statement that computes value number `number` with the expression `text`.

        In `text`, '{0}' and '{1}' stand for the values whose numbers are in `inputs`. If `wraps` is
        true, the expressions of these values may be inlined into `text`. Otherwise, if `call` is
        true, only short arithmetic may be inlined. `arithmetic` is true if `text` is itself
        arithmetic.
        """
        text = text.format(*[self._short.get(i, '<%d>' % i) for i in inputs])
        if re.fullmatch(r'(<-?\d+>|self\.\w+)(\[\d+\])?(\.float\(\))?', text):
            self._short[number] = text
            for i in _markers(text):
                self._users[i] += self._users[number] - 1
            return
        for i in [i for i in inputs if i in self._texts and i not in self._outputs]:
            short = len(text + self._texts[i]) <= _MAX_LENGTH
            if self._users[i] == text.count('<%d>' % i) == 1 and (
                    wraps or call and short and i in self._arithmetic):
                arithmetic = arithmetic and i in self._arithmetic
                text = _put(text, '<%d>' % i, self._texts.pop(i))
        self._texts[number] = text
        if arithmetic:
            self._arithmetic.add(number)

    def lines(self):
        """Return the lines of the body of `forward`."""
        texts = dict(self._texts)
        results = ', '.join(self._short.get(i, '<%d>' % i) for i in self._outputs)
        if texts and results == '<%d>' % list(texts)[-1]:  # return the last expression directly
            results = texts.popitem()[1]
        last_use = {i: k for k, text in enumerate(list(texts.values()) + [results])
                    for i in _markers(text)}
        names, lines = dict(self._names), []
        for k, (number, text) in enumerate(texts.items()):
            # As in Dive into Deep Learning, X is the input, and Y is computed from it. A name is
            # reused after the last use of its value.
            live = {name for i, name in names.items() if last_use.get(i, -1) > k}
            free = [names[i] for i in _markers(text) if names[i] in _NAMES] + _NAMES
            line = _named(text, names) + self._comment(number, text)
            names.setdefault(number, next(name for name in free if name not in live))
            lines.append('%s = %s' % (names[number], line))
        line = _named(results, names)
        if len(self._outputs) == 1:
            line += self._comment(self._outputs[0], results)
        elif len(line) > _MAX_LENGTH:
            line = '(%s)' % line
        return lines + ['return ' + line]

    def _comment(self, number, text):
        shape, inputs = self._values[number].shape, _markers(text)
        if not self._comments or not inputs or shape == self._values[inputs[0]].shape:
            return ''
        return '  # (%s)' % ', '.join(map(str, shape))


def _markers(text):
    """Return the numbers n of the markers <n> in an expression, in order of first appearance."""
    return list(dict.fromkeys(int(number) for number in re.findall(r'<(-?\d+)>', text)))


def _named(text, names):
    return re.sub(r'<(-?\d+)>', lambda match: names[int(match.group(1))], text)


def _put(text, marker, inner):
    """Replace `marker` in `text` with the expression `inner`, in parentheses if necessary."""
    before, after = text.split(marker)
    flat, count = inner, 1
    while count:
        flat, count = re.subn(r'\([^()]*\)|\[[^][]*\]', '', flat)
    operators = set(re.findall(r' (\S+) ', flat))
    first = not before or before[-1] in '([' or before.endswith(', ')
    last = not after or after[0] in ',)]'
    in_sum = (first or before.endswith((' + ', ' - '))) and (
        last or after.startswith((' + ', ' - ')))
    bare = not operators or first and last or in_sum and (
        first or not operators.intersection('+-'))
    return before + (inner if bare else '(%s)' % inner) + after
