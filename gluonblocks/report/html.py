"""HTML from Python values: everything that is not marked as HTML already is escaped."""
import base64
import html
import io


class Html(str):
    """A string that is HTML, and not to be escaped."""


def escape(value):
    """`value` as HTML: text is escaped, a list is joined."""
    if isinstance(value, Html):
        return value
    if isinstance(value, (list, tuple)):
        return Html(''.join(map(escape, value)))
    return Html(html.escape(str(value), quote=True))


def tag(name, content='', /, **attributes):
    """An element; `class_` and `aria_label` are class and aria-label, None is no attribute."""
    return Html('<%s%s>%s</%s>' % (name, _words(attributes), escape(content), name))


def void(name, /, **attributes):
    """As `tag`, of an element that has no content."""
    return Html('<%s%s>' % (name, _words(attributes)))


def _words(attributes):
    return ''.join(' %s="%s"' % (key.rstrip('_').replace('_', '-'), escape(value))
                   for key, value in attributes.items() if value is not None)


def table(heads, rows, caption, left=(0,), marked=None):
    """A table in a region that scrolls by itself and by the keyboard.

    `rows` are sequences of cells, the first of them the row's head; the columns numbered in `left`
    are text, the others numbers. `caption` is read out, and shown above. `marked` maps the number
    of a row to a class.
    """
    kinds = ['text' if i in left else None for i in range(len(heads))]
    head = tag('tr', [tag('th', cell, scope='col', class_=kind)
                      for cell, kind in zip(heads, kinds)])
    body = [tag('tr', [tag('th', row[0], scope='row', class_=kinds[0])] + [
        cell if isinstance(cell, Html) and cell.startswith('<td') else tag('td', cell, class_=kind)
        for cell, kind in zip(row[1:], kinds[1:])], class_=(marked or {}).get(n))
        for n, row in enumerate(rows)]
    return scrolling(tag('table', [tag('caption', caption), tag('thead', head),
                                   tag('tbody', body)]), caption, tall=len(body) > 24)


def scrolling(content, label, tall=False):
    """`content` in a region that scrolls, by keys too, where it is too wide, or `tall`."""
    return tag('div', content, class_='scroll tall' if tall else 'scroll', tabindex='0',
               role='region', aria_label=label)


def number(value, words):
    """A number as `words`, with all its digits for programs."""
    return tag('data', words, value=repr(value))


def section(name, title, *content):
    """A section of the page that links can go to by `name`."""
    return tag('section', [tag('h2', title, id=name)] + list(content), aria_labelledby=name)


def note(text):
    """A line that says why something is not here, or what is meant."""
    return tag('p', text, class_='note')


def picture(image, label, width=84):
    """An image, uint8 (H, W) or (H, W, 3), as an embedded PNG; `label` says what it shows."""
    from PIL import Image
    content = io.BytesIO()
    Image.fromarray(image).save(content, 'png')
    return void('img', src='data:image/png;base64,' + base64.b64encode(
        content.getvalue()).decode(), alt=label, width=width, height=width)
