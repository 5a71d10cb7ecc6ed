"""The speeds that the project wants to reach, and whether it did."""


def targets(results):
    """Rows of {"what", "wanted", "reached", "verdict"}, for the parts that were measured."""
    rows = []

    def add(what, wanted, value, form, least=None, most=None):
        """Add a row about `value`, a number or a `Spread`, unless it was not measured."""
        if value is None:
            return
        value = getattr(value, 'median', value)
        short = 1 - value / least if least else value / most - 1
        rows.append({'what': what, 'wanted': wanted, 'reached': form % value,
                     'verdict': 'met' if short <= 0 else 'missed by %.1f %%' % (100 * short)})

    def variants(model):
        return results['training'].get(model, {}).get('variants', {})

    def ours(model, key):
        return variants(model).get('ours', {}).get(key)

    add("lenet_bn epoch against the notebook's code", '≥ 25×',
        ours('lenet_bn', 'epoch_ratio'), '%.2f×', least=25)
    if results['batch_norm']:
        means = results['batch_norm']['geometric_means']
        add("batch_norm against the notebook's formula as it runs it, geometric mean", '≥ 10×',
            means['notebook / ours'], '%.2f×', least=10)
        add("batch_norm's time against the fused operator's, the largest of the shapes", '≤ 0.6×',
            max(value.median for value in results['batch_norm']['of_fused'].values()), '%.2f×',
            most=0.6)
    for model, least in (('lenet_bn', 2.5), ('lenet_bn_gluon', 2.5), ('resnet', 1.25),
                         ('densenet', 1.6)):
        add("%s step against PyTorch's fastest" % model, '≥ %g×' % least,
            ours(model, 'torch_ratio'), '%.2f×', least=least)
    for model, most in (('resnet', 3), ('lenet_bn', 10), ('lenet_bn_gluon', 10)):
        add('%s step spent outside the network' % model, '≤ %d %%' % most,
            ours(model, 'outside_percent'), '%.1f %%', most=most)
    add('command to first step of lenet_bn', '≤ 3 s', results.get('startup'), '%.2f s', most=3)
    add('lenet_bn, five epochs, from the command to its last line', '≤ 15 s',
        results.get('whole'), '%.1f s', most=15)
    peaks = [row['peak_mib'] for name, row in variants('densenet').items()
             if name.startswith('torch')]
    peak = ours('densenet', 'peak_mib')
    if peaks and peak:
        add("peak memory of a densenet step against PyTorch's smallest", '≤ 1.1×',
            peak / min(peaks), '%.2f×', most=1.1)
    for row in results['prediction']:
        if row['model'] == 'resnet' and row['batch'] > 1 and (
                'ONNX Runtime' in row['ratios']):
            add('resnet prediction, batch %d, against ONNX Runtime' % row['batch'], '≥ 1×',
                row['ratios']['ONNX Runtime'], '%.2f×', least=1)
    return rows
