"""The layers of a net: what each makes of its input, and what it costs."""
import collections

from mxnet import autograd, nd
from mxnet.gluon import nn

from .registry import get_model, get_recipe

LayerRow = collections.namedtuple('LayerRow', 'name output_shape parameters multiply_adds')
LayerRow.__doc__ = """One layer: its name, the shape of its output, the number of its trainable
parameters, and the multiply-adds of its convolutions and dense layers for that input."""


def layer_shapes(net, shape):
    """A `LayerRow` for each layer of `net` on input of `shape`, in the order they are used.

    Layers are the items of a Sequential or HybridSequential. Those of another block are its
    children, where a child that is a Sequential stands for its items, as in GluonCV's networks.
    The net has to be initialized, and not hybridized yet: a graph does not show its layers. Its
    statistics stay as they are.

    Raises ValueError for a net that is hybridized.
    """
    hybridized = []
    net.apply(lambda block: hybridized.append(getattr(block, '_active', False)))
    if any(hybridized):
        raise ValueError('%s is hybridized, which hides its layers: call layer_shapes before '
                         'net.hybridize()' % net.name)
    rows, hooks = {}, []
    for layer in _layers(net):
        counts = []
        hooks += [block.register_forward_hook(_counter(counts)) for block in _leaves(layer)]
        hooks.append(layer.register_forward_hook(_noter(rows, counts)))
    with autograd.pause():  # predicting, also where the caller trains
        net(nd.zeros(shape, ctx=_device(net)))
    for hook in hooks:
        hook.detach()
    return list(rows.values())


def format_summary(rows):
    """The table of `layer_shapes` as text, with the totals in its last line."""
    total = LayerRow('total', '', sum(row.parameters for row in rows),
                     sum(row.multiply_adds for row in rows))
    lines = [('layer', 'output shape', 'parameters', 'multiply-adds')]
    lines += [(row.name, str(row.output_shape), f'{row.parameters:,}', f'{row.multiply_adds:,}')
              for row in rows + [total]]
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    return '\n'.join(f'{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}'
                     for a, b, c, d in lines)


def model_summary(name):
    """The layer table of the model `name`, for one grey image of its recipe's size, as text.

    Raises ValueError for an unknown name.
    """
    side = get_recipe(name).resize or 28
    net = get_model(name)
    net.initialize()
    return format_summary(layer_shapes(net, (1, 1, side, side)))


def _device(net):
    for param in net.collect_params().values():
        return param.list_ctx()[0]
    return None


def _layers(net):
    """The items of a Sequential; of another block its children, with those of Sequentials."""
    rows = (nn.Sequential, nn.HybridSequential)
    if isinstance(net, rows):
        return list(net)
    return [layer for child in net._children.values()
            for layer in (child if isinstance(child, rows) else [child])]


def _noter(rows, counts):
    """A hook that puts a layer's row into `rows`, once, with the sum of `counts` so far."""
    def note(layer, inputs, output):
        parameters = sum(param.data().size for param in layer.collect_params().values()
                         if param.grad_req != 'null')
        shape = output[0].shape if isinstance(output, (list, tuple)) else output.shape
        rows[layer] = LayerRow(layer.name, shape, parameters, sum(counts))
    return note


def _leaves(block):
    if not block._children:
        return [block]
    return [leaf for child in block._children.values() for leaf in _leaves(child)]


def _counter(counts):
    """A hook that adds a layer's multiply-adds: outputs times the weights that make each."""
    def count(block, inputs, output):
        if isinstance(block, (nn.Conv2D, nn.Dense)):
            counts.append(output.size * block.weight.data().size // block.weight.shape[0])
    return count
