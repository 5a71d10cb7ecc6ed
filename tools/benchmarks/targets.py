"""Speed targets for the benchmark, and a comparison with an earlier run."""

BOUNDS = """\
The bound of a step is the time of the oneDNN primitives and C++ operators in its graph, plus the
memory traffic of SGD. The bound of the time outside the net is the memory traffic alone. The bound
of a prediction is the time of a graph that has as many nodes as the net but computes one number."""
SLOWER = 0.03


def targets(results):
    """Return a row for each target that was measured.

    A row has the strings "what", "goal", "reached", "spread", "bound" and "verdict", the number
    "value", and "missed", which is True if the entire spread misses the goal.
    """
    rows = []

    def add(what, goal, form, value, bound=None):
        if value is not None:
            rows.append(_row(what, goal, form, value, bound))
    for model, found in results['training'].items():
        _training(model, found, add)
    if results['batch_norm']:
        add("batch norm in LeNet against MXNet's operators, the larger ratio", '≤ 0.6', '%.2f×',
            max(results['batch_norm']['of_mxnets'].values(), key=lambda each: each.median))
    for row in results['prediction']:
        _prediction(row, add)
    add('command to first step of lenet_bn', '≤ 1.5', '%.2f s', results.get('startup'))
    add('lenet_bn, five epochs, from the command to its last line', '≤ 9', '%.1f s',
        results.get('five_epochs'))
    return rows


def _training(model, found, add):
    variants, parts = found['variants'], found.get('parts', {}).get('ours')
    ours, torch = variants.get('ours', {}), variants.get(found['fastest_torch'])
    if model == 'lenet_bn':
        add("lenet_bn epoch against the notebook's code", '≥ 25', '%.2f×', ours.get('epoch_ratio'))
    if ours and torch:
        least = parts and sum(parts[what].median for what in ('primitives', 'operators', 'update'))
        add("%s step against PyTorch's fastest" % model,
            {'resnet': '≥ 1.5', 'densenet': '≥ 1.7'}.get(model, '≥ 3'), '%.2f×',
            ours['torch_ratio'], torch['ms'].median / least if least else None)
        peaks = [row['peak_mib'] for name, row in variants.items() if name.startswith('torch')]
        add("peak memory of a %s step against PyTorch's smallest" % model, '≤ 1', '%.2f×',
            ours['peak_mib'] / min(peaks))
    if parts and model != 'densenet':
        update = parts['update'].median
        add('%s step spent outside the network' % model, '≤ 5' if model == 'resnet' else '≤ 15',
            '%.1f %%', parts['outside_percent'],
            100 * update / (update + parts['ms']['net'].median))


def _prediction(row, add):
    model, batch, ms, ratios = row['model'], row['batch'], row['ms'], row['ratios']
    empty, large = ms.get('empty graph'), {'resnet': 0.95, 'densenet': 0.95}.get(model, 0.7)
    for engine, least in ('PyTorch', 1), ('ONNX Runtime', large):
        if engine in ratios and (batch > 1 or engine == 'PyTorch'):
            add('%s prediction, batch %d, against %s' % (model, batch, engine), '≥ %g' % least,
                '%.2f×', ratios[engine], empty and ms[engine].median / empty.median)
    if batch == 1 and model.startswith('lenet'):
        add('%s prediction of one image' % model, '≤ 0.25', '%.2f ms', ms['ours'],
            empty and empty.median)


def _row(what, goal, form, value, bound):
    low, middle, high = value if isinstance(value, tuple) else [value] * 3
    limit, is_minimum = float(goal[2:]), goal[0] == '≥'
    short = 1 - middle / limit if is_minimum else middle / limit - 1
    missed = high < limit if is_minimum else low > limit
    number = form.partition(' ')[0].rstrip('×')
    return {'what': what, 'goal': goal + form.partition('f')[2].replace('%%', '%'),
            'value': middle, 'reached': form % middle, 'missed': missed,
            'spread': '%s–%s' % (number % low, number % high) if isinstance(value, tuple) else '–',
            'bound': '–' if bound is None else form % bound,
            'verdict': 'met' if short <= 0 else 'missed by %.1f %%%s' % (
                100 * short, '' if missed else ', within the spread')}


def slower(old, new):
    """Return a line of text for each target that is more than 3 % worse in `new` than in `old`."""
    before, lines = {row['what']: row.get('value') for row in old}, []
    for row in new:
        now, then = row['value'], before.get(row['what'])
        if now and then:
            worse = (then / now if row['goal'][0] == '≥' else now / then) - 1
            if worse > SLOWER:
                lines.append('%s: %.1f %% worse, now %s' % (
                    row['what'], 100 * worse, row['reached']))
    return lines
