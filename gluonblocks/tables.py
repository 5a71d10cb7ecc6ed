"""Rows of cells -> a table as text, whose columns line up."""
import unicodedata


def format_table(rows, left=(0,), markdown=False):
    """A table of `rows`, sequences of equally many cells, the first of them the heads; as text.

    The columns numbered in `left`, from 0, stand to the left and the others to the right. Columns
    are two spaces apart, or, with `markdown`, in Markdown's bars. Cells are made strings by `str`.

    Raises ValueError for rows of different lengths.
    """
    rows = [[str(cell) for cell in row] for row in rows]
    lengths = sorted({len(row) for row in rows})
    if len(lengths) > 1:
        raise ValueError('the rows of a table have equally many cells, but these have %s'
                         % ' or '.join(map(str, lengths)))
    columns = list(zip(*rows))
    widths = [max(map(_width, column)) for column in columns]
    lines = list(zip(*[[_pad(cell, width, i in left) for cell in column]
                       for i, (column, width) in enumerate(zip(columns, widths))]))
    if not markdown:
        return '\n'.join('  '.join(line).rstrip() for line in lines)
    rule = '|'.join('-' * (width + 2) if i in left else '-' * (width + 1) + ':'
                    for i, width in enumerate(widths))
    bars = ['| %s |' % ' | '.join(line) for line in lines]
    return '\n'.join([bars[0], '|%s|' % rule] + bars[1:])


def _width(text):
    """How many columns of a terminal `text` takes: a Chinese character two, an accent none."""
    return sum(2 if unicodedata.east_asian_width(c) in 'WF' else 0 if unicodedata.combining(c)
               else 1 for c in text)


def _pad(cell, width, left):
    space = ' ' * (width - _width(cell))
    return cell + space if left else space + cell
