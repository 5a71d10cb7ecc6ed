"""The layers of a net with their shapes and costs, and tables as text."""
import unicodedata
from typing import NamedTuple, Tuple

from mxnet import autograd, nd
from mxnet.gluon import nn

from ..mxnet_private import children, is_hybridized
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
    The net stays as it is, its statistics too.

    Raises ValueError for a net that is not initialized and for one that is hybridized, for a graph
    does not show its layers; what the net raises for an input of that shape is passed on.
    """
    flags = []
    net.apply(lambda block: flags.append(is_hybridized(block)))
    if any(flags):
        raise ValueError('%s is hybridized, which hides its layers: call layer_shapes before '
                         'net.hybridize()' % net.name)
    device = _device(net)
    rows, hooks = {}, []
    try:
        for layer in _layers(net):
            counts = []
            hooks += [block.register_forward_hook(_counter(counts)) for block in _leaves(layer)]
            hooks.append(layer.register_forward_hook(_noter(rows, counts, net.prefix)))
        with autograd.pause():  # predicting, also where the caller trains
            net(nd.zeros(shape, ctx=device))
    finally:
        for hook in hooks:
            hook.detach()
    return list(rows.values())


def format_summary(rows):
    """The table of `layer_shapes` as text, with the totals in its last line."""
    lines = [('layer', 'output shape', 'parameters', 'multiply-adds')]
    lines += [(row.name, str(row.output_shape), f'{row.parameters:,}', f'{row.multiply_adds:,}')
              for row in rows]
    lines.append(('total', '', f'{sum(row.parameters for row in rows):,}',
                  f'{sum(row.multiply_adds for row in rows):,}'))
    return format_table(lines, left=(0, 1))


def format_table(rows, left=(0,), markdown=False):
    """A table of `rows`, sequences of equally many cells, the first of them the heads; as text.

    The columns numbered in `left`, from 0, stand to the left and the others to the right. Columns
    are two spaces apart, or, with `markdown`, in Markdown's bars. Cells are made strings by `str`.

    Raises ValueError for rows of different lengths.
    """
    rows = [[str(cell) for cell in row] for row in rows]
    lengths = sorted({len(row) for row in rows})
    if len(lengths) > 1:
        raise ValueError('the rows of a table have equally many cells, but these have %s'
                         % ' or '.join(map(str, lengths)))
    columns = list(zip(*rows))
    widths = [max(map(_width, column)) for column in columns]
    lines = list(zip(*[[_pad(cell, width, i in left) for cell in column]
                       for i, (column, width) in enumerate(zip(columns, widths))]))
    if not markdown:
        return '\n'.join('  '.join(line).rstrip() for line in lines)
    rule = '|'.join('-' * (width + 2) if i in left else '-' * (width + 1) + ':'
                    for i, width in enumerate(widths))
    bars = ['| %s |' % ' | '.join(line) for line in lines]
    return '\n'.join([bars[0], '|%s|' % rule] + bars[1:])


def _width(text):
    """How many columns of a terminal `text` takes: a Chinese character two, an accent none."""
    return sum(2 if unicodedata.east_asian_width(c) in 'WF' else 0 if unicodedata.combining(c)
               else 1 for c in text)


def _pad(cell, width, left):
    space = ' ' * (width - _width(cell))
    return cell + space if left else space + cell


def model_summary(name):
    """The layer table of the model `name`, for one grey image of its recipe's size, as text.

    Raises ValueError for an unknown name.
    """
    side = get_recipe(name).resize or 28
    net = get_model(name)
    net.initialize()
    return format_summary(layer_shapes(net, (1, 1, side, side)))


def _device(net):
    """The first device that the parameters of `net` are on; None for a net without any."""
    for param in net.collect_params().values():
        try:
            return param.list_ctx()[0]
        except RuntimeError:
            raise ValueError('%s is not initialized: call net.initialize() first' % net.name)
    return None


def _layers(net):
    """The items of a Sequential; of another block its children, with those of Sequentials."""
    rows = (nn.Sequential, nn.HybridSequential)
    if isinstance(net, rows):
        return list(net)
    return [layer for child in children(net).values()
            for layer in (child if isinstance(child, rows) else [child])]


def _noter(rows, counts, prefix):
    """A hook that puts a layer's row into `rows`, once, with the sum of `counts` so far; its name
    there is without the net's `prefix`."""
    def note(layer, inputs, output):
        parameters = sum(param.data().size for param in layer.collect_params().values()
                         if param.grad_req != 'null')
        shape = output[0].shape if isinstance(output, (list, tuple)) else output.shape
        name = layer.name[len(prefix):] if layer.name.startswith(prefix) else layer.name
        rows[layer] = LayerRow(name, shape, parameters, sum(counts))
    return note


def _leaves(block):
    if not children(block):
        return [block]
    return [leaf for child in children(block).values() for leaf in _leaves(child)]


def _counter(counts):
    """A hook that adds a layer's multiply-adds: outputs times the weights that make each."""
    def count(block, inputs, output):
        if isinstance(block, (nn.Conv2D, nn.Dense)):
            counts.append(output.size * block.weight.data().size // block.weight.shape[0])
    return count
