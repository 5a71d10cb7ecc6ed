"""The lines that oneDNN prints when MKLDNN_VERBOSE is 1: one for each primitive that ran."""
import collections
import re

_SIZES = re.compile(r'(?:g(?P<g>\d+))?mb(?P<mb>\d+)_ic(?P<ic>\d+)oc(?P<oc>\d+)_'
                    r'ih(?P<ih>\d+)oh(?P<oh>\d+)kh(?P<kh>\d+)sh(?P<sh>\d+)dh\d+ph(?P<ph>\d+)_'
                    r'iw(?P<iw>\d+)ow(?P<ow>\d+)kw(?P<kw>\d+)sw(?P<sw>\d+)dw\d+pw(?P<pw>\d+)$')


def primitives(lines):
    """(kind, propagation, problem, milliseconds) of each primitive that ran, by verbose `lines`.

    A line of oneDNN 2.x is: dnnl_verbose,exec,ENGINE,PRIMITIVE,IMPLEMENTATION,PROPAGATION,
    TENSORS,ATTRIBUTES,AUXILIARY,PROBLEM,MILLISECONDS. Others, as those about the library, a
    primitive's creation, and a line cut short, do not count.
    """
    for line in lines:
        fields = line.strip().split(',')
        if len(fields) < 8 or fields[0] not in ('dnnl_verbose', 'mkldnn_verbose') or (
                fields[1] != 'exec'):
            continue
        try:
            yield fields[3], fields[5], fields[-2], float(fields[-1])
        except ValueError:
            continue


def primitive_times(lines):
    """Milliseconds by primitive, as 'convolution forward_training': sums over verbose `lines`."""
    times = collections.defaultdict(float)
    for kind, propagation, _, milliseconds in primitives(lines):
        times[kind + ('' if propagation == 'undef' else ' ' + propagation)] += milliseconds
    return dict(times)


def convolutions(lines):
    """[(map's size, products, milliseconds)] of the convolutions in verbose `lines`.

    Products with padding do not count.
    """
    found = []
    for kind, _, problem, milliseconds in primitives(lines):
        match = _SIZES.match(problem)
        if kind == 'convolution' and match:
            n = {name: int(value or 1) for name, value in match.groupdict().items()}
            taps = [_inside(*[n[name + side] for name in 'ioksp']) for side in 'hw']
            found.append(('%dx%d' % (n['oh'], n['ow']),
                          n['mb'] * n['ic'] * n['oc'] // n['g'] * taps[0] * taps[1], milliseconds))
    return found


def _inside(size, out, kernel, stride, pad):
    """How many taps of a kernel are within the map, of all places along one side."""
    return sum(0 <= place * stride + tap - pad < size
               for place in range(out) for tap in range(kernel))
