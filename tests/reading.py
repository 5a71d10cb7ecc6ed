"""A page read back: its tables, its headings, its texts, its data."""
import html.parser

VOID = {'meta', 'img', 'br'}


class Page(html.parser.HTMLParser):
    """An HTML page as a test asks it.

    `tables` maps a caption to rows of cells, texts; `headings` are (level, text); `elements` are
    (name, attributes), in their order.
    """

    def __init__(self, text):
        super().__init__()
        self.tables, self.headings, self.elements = {}, [], []
        self.text, self._open, self._caption = '', [], None
        self.feed(text)
        assert not self._open, self._open

    def section(self, title):
        """The text from one heading to the next of its level."""
        assert title in self.text, title
        return self.text.split('\n## %s\n' % title)[1].split('\n## ')[0]

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag in VOID:
            self.text += ' '
            return
        self._open.append(tag)
        if tag == 'tr':
            self.tables[self._caption].append([])
        elif tag in ('td', 'th'):
            self.tables[self._caption][-1].append('')
        elif tag == 'caption':
            self._caption = ''
        elif tag in ('h1', 'h2', 'h3'):
            self.headings.append((int(tag[1]), ''))
            self.text += '\n%s ' % ('#' * int(tag[1]))

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        if tag == 'caption':
            assert self._caption not in self.tables, 'two tables of one name'
            self.tables[self._caption] = []
        elif tag == 'table':
            self._caption = None
        self.text += '\n' if tag in ('h1', 'h2', 'h3') else ' '

    def handle_data(self, text):
        if 'style' in self._open:
            return
        self.text += text
        if 'caption' in self._open:
            self._caption += text
        elif 'td' in self._open or 'th' in self._open:
            self.tables[self._caption][-1][-1] += text
        if self._open and self._open[-1] in ('h1', 'h2', 'h3'):
            self.headings[-1] = (self.headings[-1][0], self.headings[-1][1] + text)


def read_page(path):
    with open(str(path), encoding='utf-8') as f:
        return Page(f.read())
