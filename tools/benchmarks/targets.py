"""The speeds that the project wants to reach, and whether it did."""

# An epoch, steps and memory of training: (text, value wanted, form, model, a value of ours).
_TRAINING = [
    ("lenet_bn epoch against the notebook's code", '≥ 25', '%.2f×', 'lenet_bn', 'epoch_ratio'),
    *[("%s step against PyTorch's fastest" % model, '≥ %g' % least, '%.2f×', model, 'torch_ratio')
      for model, least in (('lenet_bn', 2.5), ('lenet_bn_gluon', 2.5), ('resnet', 1.25),
                           ('densenet', 1.6))],
    *[('%s step spent outside the network' % model, '≤ %d' % most, '%.1f %%', model,
       'outside_percent') for model, most in (('resnet', 3), ('lenet_bn', 10),
                                              ('lenet_bn_gluon', 10))]]


def targets(results):
    """Rows of {"what", "wanted", "reached", "verdict"}, for the parts that were measured."""
    def variants(model):
        return results['training'].get(model, {}).get('variants', {})
    found = [(what, wanted, form, variants(model).get('ours', {}).get(key))
             for what, wanted, form, model, key in _TRAINING]
    if results['batch_norm']:
        found += [("batch_norm against the notebook's formula as it runs it, geometric mean",
                   '≥ 10', '%.2f×', results['batch_norm']['against_notebook']),
                  ("batch_norm's time against the fused operator's, the largest of the shapes",
                   '≤ 0.6', '%.2f×', max(results['batch_norm']['of_fused'].values(),
                                         key=lambda value: value.median))]
    found += [('command to first step of lenet_bn', '≤ 3', '%.2f s', results.get('startup')),
              ('lenet_bn, five epochs, from the command to its last line', '≤ 15', '%.1f s',
               results.get('whole'))]
    peaks = {name: row['peak_mib'] for name, row in variants('densenet').items()
             if name == 'ours' or name.startswith('torch')}
    if 'ours' in peaks and len(peaks) > 1:
        found.append(("peak memory of a densenet step against PyTorch's smallest", '≤ 1.1', '%.2f×',
                      peaks.pop('ours') / min(peaks.values())))
    found += [('resnet prediction, batch %d, against ONNX Runtime' % row['batch'], '≥ 1', '%.2f×',
               row['ratios'].get('ONNX Runtime'))
              for row in results['prediction'] if row['model'] == 'resnet' and row['batch'] > 1]
    return [_row(*each) for each in found if each[-1] is not None]


def _row(what, wanted, form, value):
    value, bound = getattr(value, 'median', value), float(wanted[2:])
    short = 1 - value / bound if wanted[0] == '≥' else value / bound - 1
    return {'what': what, 'wanted': wanted + form.partition('f')[2].replace('%%', '%'),
            'reached': form % value,
            'verdict': 'met' if short <= 0 else 'missed by %.1f %%' % (100 * short)}
