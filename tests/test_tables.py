"""Tables as text, against tables written by hand."""
import pytest

from gluonblocks.tables import format_table

ROWS = [('class', 'images', 'note'), ('coat', 1000, 'warm'), ('bag', 7, '')]


def test_columns_stand_to_the_left_where_asked_and_else_to_the_right():
    assert format_table(ROWS, left=(0, 2)).splitlines() == [
        'class  images  note',
        'coat     1000  warm',
        'bag         7']


def test_a_markdown_table_tells_which_columns_stand_to_the_right():
    assert format_table(ROWS, left=(0, 2), markdown=True).splitlines() == [
        '| class | images | note |',
        '|-------|-------:|------|',
        '| coat  |   1000 | warm |',
        '| bag   |      7 |      |']


def test_rows_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match='equally many cells, but these have 1 or 3'):
        format_table(ROWS + [('shirt',)])
