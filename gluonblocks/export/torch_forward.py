"""The lines of a `forward`: from operators in order to statements that a person would write."""
from typing import Any, List, NamedTuple

LINE = 88  # what an expression may take before it gets a line of its own
# In the book X goes in and Y is made of it.
_NAMES = ['X', 'Y', 'Z'] + ['Y%d' % i for i in range(1, 500)]


class Step(NamedTuple):
    """One operation: where its value goes by number, its text with '{0}' and so on for the inputs,
    and how it is written: `inline` within the next one where that is `open`."""

    number: int
    text: str
    inputs: List[int]
    binary: bool = False
    inline: bool = False
    open: bool = True


class _Tree(NamedTuple):
    step: Step
    inputs: List[Any]  # numbers of values that have names, and trees

    def leaves(self):
        return [leaf for part in self.inputs
                for leaf in (part.leaves() if isinstance(part, _Tree) else [part])]

    def write(self, name):
        written = []
        for part in self.inputs:
            text = part.write(name) if isinstance(part, _Tree) else name(part)
            if isinstance(part, _Tree) and part.step.binary and self.step.binary:
                text = '(%s)' % text
            written.append(text)
        return self.step.text.format(*written)


def forward_lines(steps, first, shapes=None):
    """The body of a `forward(self, X)`, without indentation; X is the value `first`.

    With `shapes`, by the values' numbers, a line that changes the shape says to which.
    """
    lines, names, trees = [], {first: 'X'}, _trees(steps)
    last_use = {leaf: i for i, tree in enumerate(trees) for leaf in tree.leaves()}
    for i, tree in enumerate(trees):
        text = tree.write(names.__getitem__)
        leaves, number = tree.leaves(), tree.step.number
        if i == len(trees) - 1:
            line = 'return ' + text
        else:
            # A name whose value nobody needs any more serves again.
            dying = [names[leaf] for leaf in leaves if last_use[leaf] == i]
            held = {names[value] for value in names if last_use.get(value, -1) > i}
            free = dying + [name for name in _NAMES if name not in held]
            names[number] = free[0]
            line = '%s = %s' % (free[0], text)
        if shapes and shapes[number] != shapes[leaves[0]]:
            line += '  # (%s)' % ', '.join(['N'] + [str(side) for side in shapes[number][1:]])
        lines.append(line)
    return lines


def _trees(steps):
    """The statements: steps within steps, where that reads well."""
    uses = {}
    for step in steps:
        for number in step.inputs:
            uses[number] = uses.get(number, 0) + 1
    made, waiting = [], {}
    for i, step in enumerate(steps):
        tree = _Tree(step, [waiting.pop(number, number) for number in step.inputs])
        if len(tree.write(lambda number: 'Y1')) > LINE:
            # Too long for one line: what waited gets lines of its own.
            made += [part for part in tree.inputs if isinstance(part, _Tree)]
            tree = _Tree(step, step.inputs)
        following = next((other for other in steps[i + 1:] if step.number in other.inputs), None)
        if (step.inline and uses.get(step.number) == 1 and following is not None
                and following.open):
            waiting[step.number] = tree
        else:
            made.append(tree)
    return made
