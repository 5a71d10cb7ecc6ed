"""Edit the heads (outputs) and losses of a training graph to make it usable for inference."""
from ...graphs.graph import Node

_LOSSES = ('LinearRegressionOutput', 'LogisticRegressionOutput', 'MAERegressionOutput', 'SVMOutput',
           'Softmax', 'SoftmaxOutput')


def replace_labels(graph):
    """Give each loss in a `Graph` its own label input, whose values do not affect the output."""
    for node in graph.nodes:
        if node.op in _LOSSES:
            node.inputs[1:] = [Node('null', node.name + '/label').entry()]


def flatten_softmax(graph):
    """Flatten the inputs of softmaxes that normalize over all axes except the batch axis.

    By default, MXNet's `SoftmaxOutput` normalizes over these axes, so `replace_losses` marks the
    softmaxes that replace it. With oneDNN on CPUs, however, `SoftmaxOutput` normalizes 4-D inputs
    only along the last axis. Softmaxes of 4-D inputs are therefore left unchanged, and their names
    are returned. `graph` is a `Graph` with known shapes.
    """
    along_last = []
    for node in graph.nodes:
        X = node.inputs[0] if node.attrs.pop('__flat__', '') == 'True' else None
        rank = len(graph.shape(X)) if X else 0
        if rank == 4:
            along_last.append(node.name)
        elif rank > 2:
            node.inputs = [Node('Flatten', node.name + '_flat', [X]).entry()]
            graph.replace(node, Node('reshape_like', node.name, [node.entry(), X]).entry())
            node.name += '_softmax'
    return along_last


def drop_heads(graph, names, available):
    """Drop the heads (outputs) of a `Graph` that depend on inputs not in `available`.

    `names` lists the names of the heads. Returns (names of the remaining heads, dropped), where
    `dropped` maps the name of each dropped head to the name of an unavailable input that it needs.
    """
    missing = {}  # {node: name of the first unavailable input that it depends on, or None}
    for node in graph.nodes:
        missing[node] = (node.name if node.op == 'null' and node.name not in available else
                         next(filter(None, [missing[each[0]] for each in node.inputs]), None))
    pairs = list(zip(graph.heads, names))
    graph.heads = [head for head, _ in pairs if not missing[head[0]]]
    return ([name for head, name in pairs if not missing[head[0]]],
            {name: missing[head[0]] for head, name in pairs if missing[head[0]]})
