"""A checkpoint's symbol file, of any age, checked before MXNet reads it."""
import json
import re

import mxnet as mx

from ...files import DamagedFile, read_file

MAX_BYTES = 1 << 28
_TRAINING = re.compile(r'(^|_)(ctx_group|lr_mult|wd_mult|force_mirroring|mirror_stage)$')
_LONG = re.compile(r'(?<=\d)L\b')  # of integers in Python 2: (3L, 3L)
_RENAMED = {'CuDNNBatchNorm': 'BatchNorm', 'BatchNorm_v1': 'BatchNorm',
            'Convolution_v1': 'Convolution'}


def read_graph(path):
    """Return the graph of a symbol file as MXNet's JSON has it: 'nodes', 'heads', ....

    Raises DamagedFile unless each node takes values of earlier nodes only.
    """
    content = read_file(path, MAX_BYTES)
    if content.startswith(b'version https://git-lfs'):
        raise DamagedFile('%s is a pointer file of Git LFS, not the symbol: fetch it with '
                          '"git lfs pull"' % path)
    try:
        graph = json.loads(content)
        nodes = graph['nodes']
        for i, node in enumerate(nodes):
            if not isinstance(node['op'], str) or not isinstance(node['name'], str):
                raise ValueError('node %d has no operator or no name' % i)
            for source, output, *_ in node['inputs']:
                if not 0 <= source < i or not 0 <= output < 1 << 20:
                    raise ValueError('node %d (%s) takes a value of node %d, which does not come '
                                     'before it' % (i, node['name'], source))
        if not graph['heads'] or not all(0 <= head[0] < len(nodes) for head in graph['heads']):
            raise ValueError('its heads %s are not among its %d nodes'
                             % (graph['heads'], len(nodes)))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = 'it lacks %s' % error if isinstance(error, KeyError) else error
        raise DamagedFile('%s: expected the symbol of a net in JSON, as MXNet writes it: %s'
                          % (path, reason)) from None
    return graph


def unknown_operators(graph):
    """{operator: the names of its nodes} of those that this MXNet does not have."""
    known, found = set(mx.operator.get_all_registered_operators()) | {'null'}, {}
    for node in graph['nodes']:
        # The Python code of a Custom operator is not in the file.
        if node['op'] not in known or node['op'] == 'Custom':
            found.setdefault(node['op'], []).append(node['name'])
    return found


def renew(graph):
    """Make a graph one that wheels of MXNet read and that predicts the same.

    `WarpCTC`, a plugin, gives a softmax of each row; training computes the loss from its gradient.
    Attributes for training that stand among those of an operator are dropped.
    """
    known = set(mx.operator.get_all_registered_operators())
    for i, node in enumerate(graph['nodes']):
        node['name'] = node['name'] or 'node%d' % i  # of programs in C++
        if node['op'] not in known and '_contrib_' + node['op'] in known:  # as in SSD before 0.9
            node['op'] = '_contrib_' + node['op']
        for key in ('param', 'attr', 'attrs'):
            if node.get(key):
                node[key] = {name: _LONG.sub('', str(value)) for name, value in node[key].items()
                             if not _TRAINING.search(name)}
        node['op'] = _RENAMED.get(node['op'], node['op'])
        if node['op'] == 'Reshape':
            _replace_target(node)
        if node['op'] == 'WarpCTC':
            node['op'], node['inputs'] = 'softmax', node['inputs'][:1]
            for key in ('param', 'attr', 'attrs'):
                if node.get(key):
                    node[key] = {}


def _replace_target(node):
    """Give a reshape codes in `shape` instead of sizes in the older `target_shape`."""
    for key in ('param', 'attr', 'attrs'):
        given = dict(node.get(key) or {})
        sizes = [int(size) for size in re.findall(r'\d+', given.pop('target_shape', ''))]
        first = given.pop('keep_highest', 'False') in ('True', 'true', '1')
        if sizes and not re.search(r'\d', given.get('shape', '')):
            codes = [0 if first and i == 0 else size or -1 for i, size in enumerate(sizes)]
            node[key] = dict(given, shape=str(tuple(codes)))


def select_outputs(graph, names):
    """The graph with only those of its values as outputs, and only the nodes that they need.

    `names` are nodes' names, or those with the output that MXNet's `list_outputs` gives:
    'fc1', 'fc1_output', 'split_output1'. Raises ValueError for a name that the graph lacks.
    """
    heads = [_find(graph, name) for name in names]
    return _with_heads(graph, heads)


def without_operators(graph, unknown):
    """(graph, dropped): the heads that need none of the `unknown` operators, and the others' names.

    Raises ValueError, with the operators, if none is left.
    """
    nodes, blocked = graph['nodes'], set()
    for i, node in enumerate(nodes):
        if node['op'] in unknown or any(each[0] in blocked for each in node['inputs']):
            blocked.add(i)
    heads = [head for head in graph['heads'] if head[0] not in blocked]
    dropped = [nodes[head[0]]['name'] for head in graph['heads'] if head[0] in blocked]
    if not heads:
        raise ValueError('MXNet %s has no operator %s. Choose outputs that come before them'
                         % (mx.__version__, ', '.join('%s (%s)' % (op, ', '.join(names))
                                                      for op, names in unknown.items())))
    return (_with_heads(graph, heads) if dropped else graph), dropped


def load_symbol(graph, where):
    """MXNet's symbol of a graph; `where` names the file in the error. Raises ValueError."""
    try:
        return mx.sym.load_json(json.dumps(graph))
    except mx.MXNetError as error:
        lines = str(error).strip().split('\n')
        reason = next((line for line in lines if 'Cannot find argument' in line), lines[-1])
        raise ValueError('%s: MXNet %s cannot read this symbol: %s'
                         % (where, mx.__version__, reason)) from None


def _find(graph, name):
    found = []
    for i, node in enumerate(graph['nodes']):
        if name in (node['name'], node['name'] + '_output'):
            return [i, 0]
        rest = name[len(node['name']):]
        if name.startswith(node['name'] + '_') and rest.startswith('_output') and \
                rest[len('_output'):].isdigit():
            found.append([i, int(rest[len('_output'):])])
    if not found:
        near = [node['name'] for node in graph['nodes'] if node['op'] != 'null']
        raise ValueError('the net has no output %r; its last layers are: %s'
                         % (name, ', '.join(near[-8:])))
    return found[-1]


def _with_heads(graph, heads):
    """The graph with these heads and what they need, numbered anew."""
    nodes, needed = graph['nodes'], {head[0] for head in heads}
    for i in reversed(range(len(nodes))):
        if i in needed:
            needed.update(each[0] for each in nodes[i]['inputs'])
    number = {i: k for k, i in enumerate(sorted(needed))}
    chosen = []
    for i in sorted(needed):
        node = dict(nodes[i], inputs=[[number[each[0]]] + list(each[1:])
                                      for each in nodes[i]['inputs']])
        node.pop('backward_source_id', None)  # of files before 0.9, a number of another node
        chosen.append(node)
    kept = dict(graph, nodes=chosen, heads=[[number[head[0]]] + list(head[1:]) for head in heads],
                arg_nodes=[k for k, node in enumerate(chosen) if node['op'] == 'null'])
    kept.pop('node_row_ptr', None)
    return kept
