"""The lines that oneDNN prints when MKLDNN_VERBOSE is 1: one for each primitive that ran."""
import collections


def primitive_times(lines):
    """Milliseconds by primitive, as 'convolution forward_training': sums over verbose `lines`.

    A line of oneDNN 2.x is: dnnl_verbose,exec,ENGINE,PRIMITIVE,IMPLEMENTATION,PROPAGATION,
    TENSORS,ATTRIBUTES,AUXILIARY,PROBLEM,MILLISECONDS. Others, as those about the library, a
    primitive's creation, and a line cut short, do not count.
    """
    times = collections.defaultdict(float)
    for line in lines:
        fields = line.strip().split(',')
        if len(fields) < 8 or fields[0] not in ('dnnl_verbose', 'mkldnn_verbose'):
            continue
        try:
            milliseconds = float(fields[-1])
        except ValueError:
            continue
        if fields[1] == 'exec':
            propagation = '' if fields[5] == 'undef' else ' ' + fields[5]
            times[fields[3] + propagation] += milliseconds
    return dict(times)
