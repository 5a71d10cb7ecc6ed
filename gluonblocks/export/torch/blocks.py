"""Find the blocks and stages of a graph: the parts that a person would write as classes."""
import re
from collections import Counter
from typing import Any, Dict, List, NamedTuple

ADDITIONS = ('elemwise_add', 'broadcast_add', '_plus')
ACTIVATIONS = ('hardsigmoid', 'hardswish', 'Activation', 'LeakyReLU', 'clip', 'relu', 'sigmoid',
               'tanh')
_MOST_LAYERS = 40  # in a block; a larger block is split into the blocks inside it


class Part(NamedTuple):
    """A stage, which is a sequence of blocks, or a single node, for which `stage` is ''.

    A block is a list of nodes with one input value; its output is that of the last node.
    """

    stage: str
    blocks: List[List[Any]]


def stages_of(nodes, outputs):
    """Split a graph into a list of `Part`: single nodes, and stages of consecutive blocks."""
    blocks = _blocks(nodes, outputs)
    within = {number for block in blocks.values() for number in block}
    users = Counter(i for node in nodes if node.number not in within for i in node.inputs)
    users.update(entry_of([nodes[i - 1] for i in block]) for block in blocks.values())
    users.update(outputs)
    parts: List[Part] = []
    stages = 0
    for node in nodes:
        block = [nodes[i - 1] for i in blocks.get(node.number, ())]
        if not block and node.number not in within:
            parts.append(Part('', [[node]]))
        elif block and (parts and parts[-1].stage and users[entry_of(block)] == 1
                        and parts[-1].blocks[-1][-1].number == entry_of(block)
                        and not _begins_stage(block)):
            parts[-1].blocks.append(block)
        elif block:
            stages += 1
            first = _without_shortcut(parts, block, users)
            del parts[len(parts) - len(first):]
            parts.append(Part('stage%d' % stages, [first, block] if first else [block]))
    return parts


def _without_shortcut(parts, block, users):
    """Return the chain of single nodes before a residual `block` with the same layers, or [].

    In MobileNetV2 such a chain is a block that has no shortcut because it changes the size.
    """
    body = block[:block.index(_last_join(block))]
    run = [part.blocks[0][0] for part in parts[-len(body):] if not part.stage]
    numbers = [node.number for node in run]
    return run if (
        len(run) > 1 and [node.op for node in run] == [node.op for node in body]
        and [node.inputs for node in run[1:] + body[:1]] == [[number] for number in numbers]
        and all(users[number] == 1 for number in numbers)) else []


def _blocks(nodes, outputs):
    """Return {number of the last node: numbers of all nodes} for each block.

    A block spans from the last value common to all branches to the node where they join. It
    contains layers. Only its last node is used outside, and its parameters are used nowhere else.
    """
    users: Dict[int, List[int]] = {number: [0] for number in outputs}  # 0: an output
    for node in nodes:
        for i in node.inputs:
            users.setdefault(i, []).append(node.number)
    uses = Counter(param for node in nodes for param in node.params)
    found, paths = {}, {}
    for node in nodes:
        # The values that every path from the inputs to this node goes through.
        taken = [paths[i] if i > 0 else [i] for i in node.inputs if paths.get(i, True)]
        common = [step[0] for step in zip(*taken) if len(set(step)) == 1]
        paths[node.number] = common + [node.number] if taken else []
        if not common or len(set(node.inputs)) < 2:
            continue
        block, waiting = {node.number}, list(node.inputs)
        while waiting:
            number = waiting.pop()
            if number != common[-1] and number not in block:
                block.add(number)
                waiting += nodes[number - 1].inputs
        layers = [nodes[i - 1] for i in block if nodes[i - 1].kind not in (None, 'constant')]
        if (0 < len(layers) <= _MOST_LAYERS
                and all(uses[param] == 1 for layer in layers for param in layer.params)
                and all(user in block for i in block - {node.number} for user in users[i])):
            last = node.number
            while len(users[last]) == 1 and users[last][0] and nodes[users[last][0] - 1].op in (
                    ACTIVATIONS + ('channel_shuffle',)):
                last, = users[last]
                block.add(last)
            found[last] = sorted(block)
    blocks: Dict[int, List[int]] = {}
    for last in sorted(found, reverse=True):  # keep only the outermost of nested blocks
        if not any(last in block for block in blocks.values()):
            blocks[last] = found[last]
    return blocks


def entry_of(block):
    """Return the number of the input value of a block."""
    within = {node.number for node in block}
    return next(i for node in block for i in node.inputs if i not in within)


def _last_join(block):
    """Return the node where the branches of a block join."""
    return next(node for node in reversed(block) if len(node.inputs) > 1)


def class_name(block):
    """Choose a class name for a block by its structure."""
    if all(len(node.inputs) == 1 for node in block):
        return 'Bottleneck'
    last = _last_join(block)
    straight = entry_of(block) in last.inputs
    if last.op in ADDITIONS:
        return 'Residual' if straight else 'ProjectedResidual'
    if last.op == 'Concat':
        return 'DenseLayer' if straight and len(last.inputs) == 2 else 'Branches'
    return 'Block'


def _begins_stage(block):
    """Return True if a block downsamples the image or projects its shortcut."""
    return class_name(block) == 'ProjectedResidual' or any(
        int(stride) > 1 for node in block if not node.get('global_pool')
        for stride in re.findall(r'\d+', node.attrs.get('stride', '')))
