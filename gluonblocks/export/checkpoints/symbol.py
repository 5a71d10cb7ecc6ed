"""Read symbol files from any MXNet version, checking them before MXNet parses them."""
import json
import re

import mxnet as mx

from ...files import DamagedFile, read_file

MAX_BYTES = 1 << 28
_TRAINING = re.compile(r'(^|_)(ctx_group|lr_mult|wd_mult|force_mirroring|mirror_stage)$')
_LONG = re.compile(r'(?<=\d)L\b')  # Python 2 wrote (3L, 3L)
_RENAMED = {'CuDNNBatchNorm': 'BatchNorm', 'BatchNorm_v1': 'BatchNorm',
            'Convolution_v1': 'Convolution'}
_ATTRIBUTES = ('param', 'attr', 'attrs')  # JSON keys in MXNet before 0.9, in 0.9 and in 1.x


def read_symbol(path):
    """Return (symbol, unknown) for the symbol file at `path`.

    Nodes whose operators this MXNet version lacks become inputs; `unknown` maps their names to
    the missing operators. Raises DamagedFile if the file is not a valid graph, and ValueError if
    MXNet rejects it.
    """
    graph = _read_graph(path)
    unknown = _renew(graph)
    try:
        return mx.sym.load_json(json.dumps(graph)), unknown
    except mx.MXNetError as error:
        lines = str(error).strip().split('\n')
        reason = next((line for line in lines if 'Cannot find argument' in line), lines[-1])
        raise ValueError('%s: MXNet %s cannot read this symbol: %s'
                         % (path, mx.__version__, reason)) from None


def _read_graph(path):
    """Parse a symbol file; raise DamagedFile unless it is a graph in topological order."""
    content = read_file(path, MAX_BYTES)
    if content.startswith(b'version https://git-lfs'):
        raise DamagedFile('%s: expected a symbol file, found a Git LFS pointer; run "git lfs pull"'
                          % path)
    try:
        graph = json.loads(content)
        nodes = graph['nodes']
        for i, node in enumerate(nodes):
            if not isinstance(node['op'], str) or not isinstance(node['name'], str):
                raise ValueError('node %d has no operator or no name' % i)
            for source, output, *_ in node['inputs']:
                if not 0 <= source < i or not 0 <= output < 1 << 20:
                    raise ValueError('node %d (%s) takes an input from node %d, which does not '
                                     'precede it' % (i, node['name'], source))
        if not graph['heads'] or not all(0 <= head[0] < len(nodes) for head in graph['heads']):
            raise ValueError('invalid heads %s in a graph with %d nodes'
                             % (graph['heads'], len(nodes)))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = ('it lacks %s' % error if isinstance(error, KeyError) else
                  'line %d is not valid' % error.lineno
                  if isinstance(error, json.JSONDecodeError) else error)
        raise DamagedFile('%s: expected a valid symbol file in JSON: %s' % (path, reason)) from None
    return graph


def _renew(graph):
    """Update an old graph in place for MXNet 1.x; return {node name: unknown operator}.

    The plugin operator `WarpCTC` is replaced with its forward pass, a softmax on the last axis.
    Attributes that affect only training, such as lr_mult, are removed, because old files mix them
    with the operator's own attributes.
    """
    known, unknown = {*mx.operator.get_all_registered_operators(), 'null'}, {}
    for i, node in enumerate(graph['nodes']):
        op, node['name'] = node['op'], node['name'] or 'node%d' % i  # C++ programs omit names
        if op not in known and '_contrib_' + op in known:  # SSD before MXNet 0.9 had no prefix
            op = '_contrib_' + op
        for key in _ATTRIBUTES:
            if node.get(key):
                node[key] = {name: _LONG.sub('', str(value)) for name, value in node[key].items()
                             if not _TRAINING.search(name)}
                if op == 'Reshape':
                    _replace_target(node[key])
        if op == 'WarpCTC':
            _become(node, 'softmax', node['inputs'][:1])
        elif op not in known and op not in _RENAMED or op == 'Custom':  # its Python code is missing
            unknown[node['name']] = op
            _become(node, 'null', [])
        else:
            node['op'] = _RENAMED.get(op, op)
    for entry in [entry for node in graph['nodes'] for entry in node['inputs']] + graph['heads']:
        if graph['nodes'][entry[0]]['name'] in unknown:
            entry[1] = 0  # an input has one output
    return unknown


def _become(node, op, inputs):
    node.update({key: {} for key in _ATTRIBUTES if key in node}, op=op, inputs=inputs)


def _replace_target(attrs):
    """Replace a reshape's old `target_shape` attribute with the `shape` attribute of MXNet 1.x.

    In `shape`, 0 keeps the size of the input, and -1 stands for a size that is inferred.
    """
    sizes = [int(size) for size in re.findall(r'\d+', attrs.pop('target_shape', ''))]
    first = attrs.pop('keep_highest', 'False') in ('True', 'true', '1')
    if sizes and not re.search(r'\d', attrs.get('shape', '')):
        attrs['shape'] = str((0 if first else sizes[0] or -1, *[size or -1 for size in sizes[1:]]))


def select_outputs(symbol, names):
    """Return a symbol whose outputs are those listed in `names`.

    Each name is a node name, such as 'fc1', or an output name from MXNet's `list_outputs`, such as
    'fc1_output' or 'split_output1'. Raises ValueError for an unknown name.
    """
    layers = symbol.get_internals()
    available, chosen = layers.list_outputs(), []
    for name in names:
        found = [each for each in (name, name + '_output', name + '_output0') if each in available]
        if not found:
            weights = symbol.list_inputs()
            raise ValueError('the net has no output %r; its last layers are: %s' % (name, ', '.join(
                [re.sub('_output$', '', each) for each in available if each not in weights][-8:])))
        chosen.append(layers[available.index(found[0])])
    return mx.sym.Group(chosen)
