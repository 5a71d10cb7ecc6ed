"""The page around the sections: its head, its style, its policy."""
import base64
import hashlib
import re

from .. import __version__
from .html import Html, tag, void
from .style import STYLE

WRITTEN_BY = 'Written by gluonblocks'


def page(title, summary, head, sections):
    """A whole HTML document. `sections` are HTML; empty ones are left out."""
    style = Html(re.sub(r'\s+', ' ', STYLE).strip())
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = ("default-src 'none'; style-src 'sha256-%s'; img-src data:; base-uri 'none'; "
              "form-action 'none'" % digest)
    sections = [one for one in sections if one]
    links = [tag('li', tag('a', Html(heading), href='#' + name)) for name, heading in (
        re.search(r'<h2 id="(.*?)">(.*?)</h2>', one).groups() for one in sections)]
    metas = [void('meta', charset='utf-8'),
             void('meta', http_equiv='Content-Security-Policy', content=policy),
             void('meta', name='viewport', content='width=device-width, initial-scale=1'),
             void('meta', name='color-scheme', content='light dark'),
             void('meta', name='referrer', content='no-referrer'),
             void('meta', name='description', content=summary)]
    body = [tag('a', 'To the content', href='#content', class_='skip'), head,
            tag('nav', tag('ol', links), aria_label='Sections'),
            tag('main', sections, id='content', tabindex='-1'),
            tag('footer', tag('p', '%s %s. This file asks nothing of any network.'
                              % (WRITTEN_BY, __version__)))]
    head = tag('head', metas + [tag('title', title), tag('style', style)])
    return '<!DOCTYPE html>\n%s\n' % tag('html', [head, tag('body', body)], lang='en')


def header(kind, title, facts, ask, commands):
    """The top: `facts` are (name, value, remark); `commands` are shown to be copied, each
    a list of what stays on one line."""
    tiles = [tag('div', [tag('dt', name), tag('dd', [tag('b', value), tag('span', remark)])])
             for name, value, remark in facts]
    lines = [[[tag('span', part), ' '] for part in command] + ['\n'] for command in commands]
    return tag('header', [
        tag('p', kind, class_='kind'), tag('h1', title), tag('dl', tiles, class_='facts'),
        tag('p', ask + ':', class_='ask'),
        tag('pre', tag('code', lines), tabindex='0', role='region',
            aria_label=ask)])

