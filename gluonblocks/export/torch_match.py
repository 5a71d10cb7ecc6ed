"""Which layer of a PyTorch state dict is which layer of a net: by name, by order, by shape."""
import re

_KINDS = {'conv': 'convolution', 'fc': 'linear layer', 'bn': 'batch norm', 'prelu': 'PReLU'}


def match_layers(structure, arrays, wanted, registered, ordered):
    """The name of a tensor of `arrays` for each parameter of a net's `Structure`.

    `wanted` are the parameters' shapes in PyTorch, 0 or None for what is not known; `registered`
    all parameters in the order in which Gluon has them; `ordered` says whether `arrays` come in an
    order that means something. Raises ValueError where that cannot be told.
    """
    ours = structure.tensors()
    if set(ours) == set(arrays):
        names = {param: name for name, param in ours.items()}
        _check(arrays, names, wanted)
        return names
    layers = _layers(structure)
    modules = _modules(arrays)
    for kind in _KINDS:
        here = sum(node.kind == kind for node in layers)
        there = sum(_kind(roles) == kind for roles in modules.values())
        if here != there:
            raise ValueError('the file is of another net: it has %d layers of the kind %s, and '
                             'this net %d' % (there, _KINDS[kind], here))
    rank = {name: i for i, name in enumerate(registered)}
    net_orders = [layers, sorted(layers, key=lambda node: rank[node.params[0]])]
    file_orders = [list(modules)] if ordered else []
    file_orders.append(sorted(modules, key=_natural))
    fitting, first_error = [], None
    for file_order in file_orders:
        for net_order in net_orders:
            found = _zip(net_order, file_order, modules)
            try:
                names = _names(net_order, found, modules)
                _check(arrays, names, wanted)
            except ValueError as error:
                first_error = first_error or error
                continue
            if names not in [other for _, other in fitting]:
                fitting.append((_together(structure, found), names))
    if not fitting:
        hint = '' if ordered else (
            '. A .safetensors file has its tensors by name, not in order: where the names do not '
            'tell the order, save the state dict with torch.save')
        raise ValueError('%s%s' % (first_error, hint)) from first_error
    best = max(score for score, _ in fitting)
    fitting = [names for score, names in fitting if score == best]
    if len(fitting) > 1:
        param = next(name for name in fitting[0] if fitting[0][name] != fitting[1][name])
        raise ValueError('the layers can be matched in more than one way: %s is %s or %s. Give the '
                         "tensors the names that an export's model.py has for this net"
                         % (param, fitting[0][param], fitting[1][param]))
    return fitting[0]


def _layers(structure):
    """The nodes with parameters, each layer once, in the order of the graph."""
    seen, layers = set(), []
    for node in structure.nodes:
        if node.kind and node.params[0] not in seen:
            seen.add(node.params[0])
            layers.append(node)
    return layers


def _modules(arrays):
    """{module: {role: shape}} of a state dict."""
    modules = {}
    for name, array in arrays.items():
        module, _, role = name.rpartition('.')
        modules.setdefault(module, {})[role] = array.shape
    for module, roles in modules.items():
        if _kind(roles) is None:
            raise ValueError('%s is of no layer that is known here, with %s; these are: %s'
                             % (module or 'a tensor', ', '.join(
                                 '%s of shape %s' % role for role in sorted(roles.items())),
                                ', '.join(_KINDS.values())))
    return modules


def _kind(roles):
    rest = set(roles) - {'weight', 'bias'}
    rank = len(roles.get('weight', ()))
    if rest or rank not in (1, 2, 4):
        return 'bn' if rest == {'running_mean', 'running_var'} else None
    return {4: 'conv', 2: 'fc', 1: None if 'bias' in roles else 'prelu'}[rank]


def _natural(name):
    """As people sort names: layer2 before layer10."""
    return [(int(part), '') if part.isdigit() else (-1, part)
            for part in re.findall(r'\d+|\D+', name)]


def _zip(net_order, file_order, modules):
    """{a layer's first parameter: a module of the file}, each kind in these orders."""
    found = {}
    for kind in _KINDS:
        found.update(zip((node.params[0] for node in net_order if node.kind == kind),
                         (name for name in file_order if _kind(modules[name]) == kind)))
    return found


def _names(layers, found, modules):
    names = {}
    for node in layers:
        module = found[node.params[0]]
        here, there = set(node.roles), set(modules[module])
        if here != there:
            only = sorted(here ^ there)[0]
            raise ValueError('%s.%s is in the %s only, and the %s of the net has %s'
                             % (module, only, 'net' if only in here else 'file', node.name,
                                ' and '.join(sorted(here))))
        names.update((param, '%s.%s' % (module, role)) for role, param in node.roles.items())
    return names


def _check(arrays, names, wanted):
    for param, name in names.items():
        shape, came = wanted[param], arrays[name].shape
        if shape is not None and (len(shape) != len(came) or any(
                a not in (0, b) for a, b in zip(shape, came))):
            raise ValueError('the file is of another net: %s has shape %s, and %s of this net %s'
                             % (name, came, param, shape))


def _together(structure, found):
    """How well the names say that what follows each other in the net belongs together."""
    nodes = {node.number: node for node in structure.nodes}
    score = 0
    for node in structure.nodes:
        before = nodes.get(node.inputs[0])
        if node.kind == 'conv' and before is not None and before.kind is None:
            before = nodes.get(before.inputs[0])  # the activation between a norm and it
        if before is None or {node.kind, before.kind} != {'conv', 'bn'}:
            continue
        score += _alike(found[node.params[0]], found[before.params[0]])
    return score


def _alike(a, b):
    """2 for conv1 and bn1, or 0 and 1, of one module; 1 for others of one module; 0."""
    (parent, _, a), (other, _, b) = a.rpartition('.'), b.rpartition('.')
    if parent != other:
        return 0
    if a.isdigit() and b.isdigit():
        return 2 if abs(int(a) - int(b)) <= 2 else 1
    return 2 if re.findall(r'\d*$', a)[0] == re.findall(r'\d*$', b)[0] else 1
