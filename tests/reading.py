"""A page read back: its tables, its headings, its texts, its elements."""
import re
import xml.etree.ElementTree as ET


class Page:
    """A page of the report as a test asks it; it has to be well-formed.

    `tables` maps a caption to rows of cells, texts; `headings` are (level, text); `elements` are
    (name, attributes), in their order.
    """

    def __init__(self, text):
        text = re.sub('<(meta|img|br)([^>]*)>', r'<\1\2/>', text.replace('<!DOCTYPE html>', ''))
        self._root = ET.fromstring(text.replace('<details open>', '<details open="">'))
        self.elements = [(each.tag.split('}')[-1], each.attrib) for each in self._root.iter()]
        self.headings = [(int(each.tag[1]), ''.join(each.itertext()))
                         for each in self._root.iter() if each.tag in ('h1', 'h2', 'h3')]
        self.text = ' '.join(self._root.find('body').itertext())
        self.tables = {}
        for table in self._root.iter('table'):
            caption = ''.join(table.find('caption').itertext())
            assert caption not in self.tables, 'two tables of one name'
            self.tables[caption] = [[''.join(cell.itertext()) for cell in row]
                                    for row in table.iter('tr')]

    def section(self, title):
        """The text of the section with this heading."""
        (section,) = [each for each in self._root.iter('section') if each.find('h2').text == title]
        return ' '.join(section.itertext())


def read_page(path):
    with open(str(path), encoding='utf-8') as f:
        return Page(f.read())
