"""Measure the output shape and cost of each layer of a net, and format tables as plain text."""
import collections
import contextlib
import unicodedata
from typing import NamedTuple, Tuple

from mxnet import autograd, nd
from mxnet.gluon import nn

from ..mxnet_private import children, is_hybridized, set_hybridized
from .registry import get_model, get_recipe


class LayerRow(NamedTuple):
    """One layer of a net, measured on input of a given shape.

    `name` is the layer's name without the net's prefix, `output_shape` the shape of its output,
    `parameters` the number of its trainable parameters, and `multiply_adds` the number of
    multiplications in its convolutions and dense layers.
    """

    name: str
    output_shape: Tuple[int, ...]
    parameters: int
    multiply_adds: int


def layer_shapes(net, shape):
    """Return a list of one `LayerRow` per layer of `net`, in execution order, for input of `shape`.

    The layers of a Sequential or HybridSequential are its items. The layers of any other block are
    its children, but a child that is a Sequential, as in GluonCV's nets, is replaced with its
    items. The net's running statistics and hybridization are preserved. Raises MXNet's own
    errors, for example if the net is not initialized or the shape does not fit.
    """
    shapes, costs = {}, collections.Counter()

    def record_shape(layer, inputs, output):
        shapes[layer] = (output[0] if isinstance(output, (list, tuple)) else output).shape

    def count(block, inputs, output):  # each output value uses the weights of one filter
        costs[block] += output.size * block.weight.data().size // block.weight.shape[0]
    layers = _layers(net)
    devices = [param.list_ctx()[0] for param in net.collect_params().values()]
    run_layers(net, nd.zeros(shape, ctx=devices[0] if devices else None),
               [(layer, record_shape) for layer in layers] +
               [(block, count) for layer in layers for block in _counted(layer)])
    return [LayerRow(layer.name.replace(net.prefix, '', 1), output_shape,
                     sum(param.data().size for param in layer.collect_params().values()
                         if param.grad_req != 'null'),
                     sum(costs[block] for block in _counted(layer)))
            for layer, output_shape in shapes.items()]


def run_layers(net, X, hooks):
    """Run `net` on X in prediction mode with forward `hooks`, a list of (block, hook) pairs.

    A hybridized net runs layer by layer for this call only, and keeps its cached graphs, which
    `hybridize(False)` would delete.
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
    """Return the rows of `layer_shapes` as a text table, with the totals in the last line."""
    lines = [('layer', 'output shape', 'parameters', 'multiply-adds')]
    lines += [(row.name, str(row.output_shape), f'{row.parameters:,}', f'{row.multiply_adds:,}')
              for row in rows]
    lines.append(('total', '', f'{sum(row.parameters for row in rows):,}',
                  f'{sum(row.multiply_adds for row in rows):,}'))
    return format_table(lines, left=(0, 1))


def format_table(rows, left=(0,)):
    """Format `rows`, sequences of equal length, as a text table; the first row is the header.

    `left` lists the indices of the left-aligned columns. The others are right-aligned.
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
    """Return the width of `text` in terminal columns: 2 for a wide character, 0 for an accent."""
    return sum(2 if unicodedata.east_asian_width(c) in 'WF' else 0 if unicodedata.combining(c)
               else 1 for c in text)


def model_summary(name):
    """Return a text table of the layers of the model `name`, measured on one greyscale image.

    The model's recipe determines the size of the image. Raises ValueError for an unknown name.
    """
    side = get_recipe(name).resize or 28
    net = get_model(name)
    net.initialize()
    return format_summary(layer_shapes(net, (1, 1, side, side)))


def _layers(net):
    """Return a list of the blocks that `layer_shapes` treats as the layers of `net`."""
    sequentials = (nn.Sequential, nn.HybridSequential)
    if isinstance(net, sequentials):
        return list(net)
    return [layer for child in children(net).values()
            for layer in (child if isinstance(child, sequentials) else [child])]


def _counted(block):
    """Return a set of the convolutions and dense layers in `block`, including `block` itself."""
    # A layer with `activation` set has a child, so looking only at leaves would miss it.
    found = {block} if isinstance(block, (nn.Conv2D, nn.Dense)) else set()
    return found.union(*map(_counted, children(block).values()))
