"""The layers of a net: what each makes of its input, and what it costs."""
import collections

from mxnet import autograd, nd
from mxnet.gluon import nn

LayerRow = collections.namedtuple('LayerRow', 'name output_shape parameters multiply_adds')
LayerRow.__doc__ = """One layer: its name, the shape of its output, the number of its trainable
parameters, and the multiply-adds of its convolutions and dense layers for that input."""


def layer_shapes(net, shape):
    """A `LayerRow` for each layer of `net`, a Sequential or HybridSequential, on input of `shape`.

    The net has to be initialized, and not hybridized yet: a graph does not show its layers. Its
    statistics stay as they are.

    Raises ValueError for a net that is hybridized or has no layers in a row.
    """
    if not isinstance(net, (nn.Sequential, nn.HybridSequential)):
        raise ValueError('%s is a %s, but must be a Sequential or HybridSequential: only its '
                         'layers follow one another' % (net.name, type(net).__name__))
    hybridized = []
    net.apply(lambda block: hybridized.append(getattr(block, '_active', False)))
    if any(hybridized):
        raise ValueError('%s is hybridized, which hides its layers: call layer_shapes before '
                         'net.hybridize()' % net.name)
    X = nd.zeros(shape, ctx=_device(net))
    rows = []
    for layer in net:
        counts = []
        hooks = [block.register_forward_hook(_counter(counts)) for block in _leaves(layer)]
        with autograd.pause():  # predicting, also where the caller trains
            X = layer(X)
        for hook in hooks:
            hook.detach()
        parameters = sum(param.data().size for param in layer.collect_params().values()
                         if param.grad_req != 'null')
        rows.append(LayerRow(layer.name, X.shape, parameters, sum(counts)))
    return rows


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


def _device(net):
    for param in net.collect_params().values():
        return param.list_ctx()[0]
    return None


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
