"""A training graph as what it computes in prediction: losses give way to their predictions."""
from ...graphs.graph import Node

# Losses that hand on their first input in prediction.
_IDENTITIES = ('LinearRegressionOutput', 'MAERegressionOutput', 'MakeLoss', 'make_loss',
               'SVMOutput', 'IdentityAttachKLSparseReg', 'BlockGrad')


def replace_losses(graph):
    """Replace each loss in a `Graph` by its prediction, so that no label is needed for it.

    `SoftmaxOutput` becomes a softmax, `LogisticRegressionOutput` a sigmoid, the others their input.
    """
    for node in graph.nodes:
        if node.op in _IDENTITIES:
            graph.replace(node, node.inputs[0])
        elif node.op in ('SoftmaxOutput', 'Softmax'):
            graph.replace(node, _softmax(graph, node))
        elif node.op == 'LogisticRegressionOutput':
            graph.replace(node, Node('sigmoid', node.name, node.inputs[:1]).entry())


def _softmax(graph, node):
    """SoftmaxOutput as a softmax: of each image by itself, over channels, or over the last axis."""
    axis = 1 if node.flag('multi_output') else -1
    scores = node.inputs[0]
    if axis == 1 or node.flag('preserve_shape') or len(graph.shape(scores)) == 2:
        return Node('softmax', node.name, [scores], {'axis': axis}).entry()
    flat = Node('Flatten', node.name + '_flat', [scores])
    softmax = Node('softmax', node.name + '_softmax', [flat.entry()], {'axis': -1})
    return Node('reshape_like', node.name, [softmax.entry(), scores]).entry()


def drop_heads(graph, names, available):
    """Drop the heads of a `Graph` that need an input that is not `available`.

    `names` are the heads' names. Returns (the names of those left, the names of the dropped).
    """
    missing = {}
    for node in graph.nodes:
        missing[node] = (node.name not in available if node.op == 'null'
                         else any(missing[source] for source, _, _ in node.inputs))
    pairs = list(zip(graph.heads, names))
    graph.heads = [head for head, _ in pairs if not missing[head[0]]]
    return ([name for head, name in pairs if not missing[head[0]]],
            [name for head, name in pairs if missing[head[0]]])
