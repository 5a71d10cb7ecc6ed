"""A training graph as what it computes in prediction: losses give way to their predictions."""
from ...graphs.graph import Node

# Losses that hand on their first input in prediction.
_IDENTITIES = ('LinearRegressionOutput', 'MAERegressionOutput', 'MakeLoss', 'make_loss',
               'SVMOutput', 'IdentityAttachKLSparseReg', 'BlockGrad')
_LABELLED = ('SoftmaxOutput', 'Softmax', 'SVMOutput', 'LinearRegressionOutput',
             'MAERegressionOutput', 'LogisticRegressionOutput')


def cut_labels(graph):
    """Give each loss in a `Graph` a label of its own, whatever its label was computed from.

    MXNet then finds the shapes also without those inputs. Returns the names of the new labels.
    """
    names = []
    for node in graph.nodes:
        if node.op in _LABELLED:
            names.append(node.name + '/label')
            node.inputs[1:] = [Node('null', names[-1]).entry()]
    return names


def compute_in_float32(graph):
    """Let a `Graph` that computes in float16 or float64 do so in float32; return True if it did."""
    found = False
    for node in graph.nodes:
        node.attrs.pop('__dtype__', None)
        if node.attrs.get('dtype') in ('float16', 'float64'):
            found = found or node.attrs['dtype'] == 'float16'
            node.attrs['dtype'] = 'float32'
    return found


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

    `names` are the heads' names. Returns (the names of those left, {name: the input that it needs}
    of the dropped).
    """
    missing = {}
    for node in graph.nodes:
        wanted = [missing[source] for source, _, _ in node.inputs if missing[source]]
        if node.op == 'null' and node.name not in available:
            wanted = [node.name]
        missing[node] = wanted[0] if wanted else None
    pairs = list(zip(graph.heads, names))
    graph.heads = [head for head, _ in pairs if not missing[head[0]]]
    return ([name for head, name in pairs if not missing[head[0]]],
            {name: missing[head[0]] for head, name in pairs if missing[head[0]]})
