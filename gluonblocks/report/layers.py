"""The layers of the net: what each makes of its input, and what it costs."""
from .html import note, section, table
from .words import count


def layers_section(found):
    """The table of `layer_shapes`, with its totals."""
    if found.layers is None:
        return section('layers', 'Layers', note('Not shown: %s' % found.no_layers))
    rows = [(row.name, ' × '.join(map(str, row.output_shape[1:])), count(row.parameters),
             count(row.multiply_adds)) for row in found.layers]
    rows.append(('all', '', count(sum(row.parameters for row in found.layers)),
                 count(sum(row.multiply_adds for row in found.layers))))
    return section('layers', 'Layers', table(
        ('layer', 'output', 'parameters', 'multiply-adds'), rows,
        'For one image of %s' % ' × '.join(map(str, found.shape[1:])), left=(0, 1),
        marked={len(rows) - 1: 'total'}))
