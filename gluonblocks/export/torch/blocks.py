"""Group the nodes of a graph into the blocks and stages that a person would write as classes."""
import re
from collections import Counter
from typing import Any, Dict, List, NamedTuple

ADDITIONS = ('elemwise_add', 'broadcast_add', '_plus')
ACTIVATIONS = ('hardsigmoid', 'hardswish', 'Activation', 'LeakyReLU', 'clip', 'relu', 'sigmoid',
               'tanh')
_MAX_LAYERS = 40  # maximum in a block; a larger block is replaced by the blocks inside it


class Section(NamedTuple):
    """A part of a graph: a named stage, which is a sequence of blocks, or a single node.

    A block is a list of nodes that together read only one value from outside the block. Its output
    is the output of its last node. For a single node, `stage` is '', and `blocks` contains one
    block with only this node.
    """

    stage: str
    blocks: List[List[Any]]


def stages_of(nodes, outputs):
    """Split a graph into a list of `Section`s: single nodes, and stages of consecutive blocks."""
    blocks = _blocks(nodes, outputs)
    within = {number for block in blocks.values() for number in block}
    users = Counter(i for node in nodes if node.number not in within for i in node.inputs)
    users.update(entry_of([nodes[i - 1] for i in block]) for block in blocks.values())
    users.update(outputs)
    sections: List[Section] = []
    stages = 0
    for node in nodes:
        block = [nodes[i - 1] for i in blocks.get(node.number, ())]
        if not block and node.number not in within:
            sections.append(Section('', [[node]]))
        elif block and (sections and sections[-1].stage and users[entry_of(block)] == 1
                        and sections[-1].blocks[-1][-1].number == entry_of(block)
                        and not _begins_stage(block)):
            sections[-1].blocks.append(block)
        elif block:
            stages += 1
            first = _without_shortcut(sections, block, users)
            del sections[len(sections) - len(first):]
            sections.append(Section('stage%d' % stages, [first, block] if first else [block]))
    return sections


def _without_shortcut(sections, block, users):
    """Return the nodes before the residual `block` if they match its layers, otherwise [].

    The returned nodes become the first block of a stage. In MobileNetV2, for example, this block
    has no shortcut, because it changes the shape.
    """
    body = block[:block.index(_last_join(block))]
    chain = [section.blocks[0][0] for section in sections[-len(body):] if not section.stage]
    numbers = [node.number for node in chain]
    return chain if (
        len(chain) > 1 and [node.op for node in chain] == [node.op for node in body]
        and [node.inputs for node in chain[1:] + body[:1]] == [[number] for number in numbers]
        and all(users[number] == 1 for number in numbers)) else []


def _blocks(nodes, outputs):
    """Return a dict that maps the number of each block's last node to the numbers of its nodes.

    A block begins after the last value that all its branches have in common, and ends with the node
    that joins the branches, or with an activation after that node. A block contains at least one
    layer. Nodes outside the block use only its last node's output and do not share its parameters.
    """
    users: Dict[int, List[int]] = {number: [0] for number in outputs}  # 0: returned by the graph
    for node in nodes:
        for i in node.inputs:
            users.setdefault(i, []).append(node.number)
    uses = Counter(param for node in nodes for param in node.params)
    found, paths = {}, {}
    for node in nodes:
        # `common`: the values that lie on every path from the graph's inputs to this node.
        branches = [paths[i] if i > 0 else [i] for i in node.inputs if paths.get(i, True)]
        common = [step[0] for step in zip(*branches) if len(set(step)) == 1]
        paths[node.number] = common + [node.number] if branches else []
        if not common or len(set(node.inputs)) < 2:
            continue
        block, waiting = {node.number}, list(node.inputs)
        while waiting:
            number = waiting.pop()
            if number != common[-1] and number not in block:
                block.add(number)
                waiting += nodes[number - 1].inputs
        layers = [nodes[i - 1] for i in block if nodes[i - 1].kind not in (None, 'constant')]
        if (0 < len(layers) <= _MAX_LAYERS
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
    """Return the number of the only value that `block` reads from outside itself (see `Node`)."""
    within = {node.number for node in block}
    return next(i for node in block for i in node.inputs if i not in within)


def _last_join(block):
    """Return the node that joins the branches of `block`."""
    return next(node for node in reversed(block) if len(node.inputs) > 1)


def class_name(block):
    """Return a class name that describes the structure of `block`."""
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
    """Return True if `block` begins a stage: it downsamples its input or projects its shortcut."""
    return class_name(block) == 'ProjectedResidual' or any(
        int(stride) > 1 for node in block if not node.get('global_pool')
        for stride in re.findall(r'\d+', node.attrs.get('stride', '')))
