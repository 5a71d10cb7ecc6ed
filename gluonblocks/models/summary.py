"""The layers of a net with their shapes and costs, and tables as text."""
import collections
import contextlib
import unicodedata
from typing import NamedTuple, Tuple

from mxnet import autograd, nd
from mxnet.gluon import nn

from ..mxnet_private import children, is_hybridized, set_hybridized
from .registry import get_model, get_recipe


class LayerRow(NamedTuple):
    """One layer of a net, as it is for an input of a given shape.

    `name` is the layer's within the net, `output_shape` the shape of what it makes of the input,
    `parameters` the number of its trainable parameters, and `multiply_adds` the products that its
    convolutions and dense layers compute and add up.
    """

    name: str
    output_shape: Tuple[int, ...]
    parameters: int
    multiply_adds: int


def layer_shapes(net, shape):
    """A `LayerRow` for each layer of `net` on input of `shape`, in the order they are used.

    Layers are the items of a Sequential or HybridSequential. Those of another block are its
    children, where a child that is a Sequential stands for its items, as in GluonCV's networks.
    The net stays as it is, hybridized or not, its statistics too. What MXNet raises for a net that
    is not initialized, or for an input of that shape, is passed on.
    """
    shapes, costs = {}, collections.Counter()

    def note(layer, inputs, output):
        shapes[layer] = (output[0] if isinstance(output, (list, tuple)) else output).shape

    def count(leaf, inputs, output):
        if isinstance(leaf, (nn.Conv2D, nn.Dense)):  # an output adds up its channel's weights
            costs[leaf] += output.size * leaf.weight.data().size // leaf.weight.shape[0]
    layers = _layers(net)
    devices = [param.list_ctx()[0] for param in net.collect_params().values()]
    run_layers(net, nd.zeros(shape, ctx=devices[0] if devices else None),
               [(layer, note) for layer in layers] +
               [(leaf, count) for layer in layers for leaf in _leaves(layer)])
    return [LayerRow(layer.name.replace(net.prefix, '', 1), found,
                     sum(param.data().size for param in layer.collect_params().values()
                         if param.grad_req != 'null'), sum(costs[leaf] for leaf in _leaves(layer)))
            for layer, found in shapes.items()]


def run_layers(net, X, hooks):
    """Run `net` on X, predicting, layer by layer, with each of `hooks`: a block and its hook.

    Also a hybridized net runs its layers, and afterwards its graphs again: `hybridize(False)` would
    drop them.
    """
    active = []
    net.apply(lambda block: active.append(block) if is_hybridized(block) else None)
    with contextlib.ExitStack() as undo, autograd.pause():
        for block, hook in hooks:
            undo.enter_context(block.register_forward_hook(hook))
        for block in active:
            undo.callback(set_hybridized, block, True)
            set_hybridized(block, False)
        return net(X)


def format_summary(rows):
    """The table of `layer_shapes` as text, with the totals in its last line."""
    lines = [('layer', 'output shape', 'parameters', 'multiply-adds')]
    lines += [(row.name, str(row.output_shape), f'{row.parameters:,}', f'{row.multiply_adds:,}')
              for row in rows]
    lines.append(('total', '', f'{sum(row.parameters for row in rows):,}',
                  f'{sum(row.multiply_adds for row in rows):,}'))
    return format_table(lines, left=(0, 1))


def format_table(rows, left=(0,)):
    """A table of `rows`, sequences of equally many cells, the first of them the heads; as text.

    The columns numbered in `left`, from 0, stand to the left and the others to the right.
    """
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*rows)]
    lines = []
    for row in rows:
        pads = [' ' * (width - _width(cell)) for cell, width in zip(row, widths)]
        lines.append('  '.join(cell + pad if i in left else pad + cell
                               for i, (cell, pad) in enumerate(zip(row, pads))).rstrip())
    return '\n'.join(lines)


def _width(text):
    """How many columns of a terminal `text` takes: a Chinese character two, an accent none."""
    return sum(2 if unicodedata.east_asian_width(c) in 'WF' else 0 if unicodedata.combining(c)
               else 1 for c in text)


def model_summary(name):
    """The layer table of the model `name`, for one grey image of its recipe's size, as text.

    Raises ValueError for an unknown name.
    """
    side = get_recipe(name).resize or 28
    net = get_model(name)
    net.initialize()
    return format_summary(layer_shapes(net, (1, 1, side, side)))


def _layers(net):
    """The items of a Sequential; of another block its children, with those of Sequentials."""
    rows = (nn.Sequential, nn.HybridSequential)
    if isinstance(net, rows):
        return list(net)
    return [layer for child in children(net).values()
            for layer in (child if isinstance(child, rows) else [child])]


def _leaves(block):
    if not children(block):
        return [block]
    return [leaf for child in children(block).values() for leaf in _leaves(child)]
