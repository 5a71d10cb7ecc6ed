#!/usr/bin/env python
"""Build the documentation site by Sphinx, a warning being an error, and check what was built.

Needs the extra `docs`. Checked are the links within the site, places on a page too, and that no
page takes a script, style, font or picture from another host."""
import argparse
import html.parser
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse

EXAMPLE = """\
example:
  python scripts/build_site.py
  python -m http.server --directory build/site

Exit code: 0 built and whole, 1 not, 130 interrupted."""

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What a browser fetches by itself, by tag: the attributes that name it.
FETCHED = {'audio': ['src'], 'embed': ['src'], 'iframe': ['src'], 'img': ['src', 'srcset'],
           'link': ['href'], 'object': ['data'], 'script': ['src'], 'source': ['src', 'srcset'],
           'track': ['src'], 'video': ['src', 'poster']}
_IN_CSS = re.compile(r'(?:url\(|@import)\s*["\']?\s*(?:https?:)?//[^"\')\s;]+', re.I)


class Page(html.parser.HTMLParser):
    """What a page has: `places`, its ids; `links`, of <a>; `fetched`, what a browser takes."""

    def __init__(self, text):
        super().__init__()
        self.places, self.links, self.fetched = set(), [], _IN_CSS.findall(text)
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.places |= {named[key] for key in ('id', 'name') if named.get(key)}
        if tag == 'a' and named.get('href'):
            self.links.append(named['href'])
        if named.get('rel') not in ('canonical', 'author', 'license'):
            self.fetched += [named[key] for key in FETCHED.get(tag, ()) if named.get(key)]


def faults(folder):
    """What is wrong with the site in `folder`: a list of sentences."""
    pages, found = {}, []
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            path = os.path.join(place, name)
            if name.endswith(('.html', '.css')):
                with open(path, encoding='utf-8') as f:
                    text = f.read()
                if name.endswith('.html'):
                    pages[path] = Page(text)
                else:
                    found += ['%s takes %s from another host' % (os.path.relpath(path, folder), one)
                              for one in _IN_CSS.findall(text)]
    if os.path.join(folder, 'index.html') not in pages:
        found.append('there is no index.html')
    for path, page in sorted(pages.items()):
        name = os.path.relpath(path, folder)
        found += ['%s takes %s from another host' % (name, one) for one in page.fetched
                  if re.search(r'(^|\s|["\'(])(https?:)?//', one)]
        for link in page.links + page.fetched:
            url = urllib.parse.urlsplit(link)
            if url.scheme or url.netloc or _IN_CSS.match(link):
                continue
            there = os.path.normpath(os.path.join(
                os.path.dirname(path), urllib.parse.unquote(url.path))) if url.path else path
            if not os.path.isfile(there):
                found.append('%s links to %s, which is not there' % (name, link))
            elif url.fragment and there in pages and (
                    urllib.parse.unquote(url.fragment) not in pages[there].places):
                found.append('%s links to %s, a page without that place' % (name, link))
    return found


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLE,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', metavar='FOLDER', help='default: build/site',
                        default=os.path.join(REPOSITORY, 'build', 'site'))
    args = parser.parse_args(argv)
    if importlib.util.find_spec('sphinx') is None:
        sys.exit("error: Sphinx is not installed for this Python: %s -m pip install -e '.[docs]'"
                 % sys.executable)
    try:
        return build(args.out)
    except OSError as error:
        sys.exit('error: the site cannot be written to %s: %s'
                 % (args.out, error.strerror or error))
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130


def build(folder):
    """Build the site into `folder` and tell its faults; return the exit code."""
    os.makedirs(folder, exist_ok=True)
    if os.listdir(folder) and not os.path.exists(os.path.join(folder, '.buildinfo')):
        print('error: %s must be an empty folder, or have an earlier site: name another' % folder,
              file=sys.stderr)
        return 1
    tempfile.TemporaryFile(dir=folder).close()  # Sphinx has a traceback where none can be made
    with tempfile.TemporaryDirectory() as doctrees:  # everything is read anew
        code = subprocess.call([sys.executable, '-m', 'sphinx', '-q', '-W', '--keep-going',
                                '-c', os.path.join(REPOSITORY, 'docs'), '-d', doctrees,
                                REPOSITORY, folder])
    if code:
        return 1
    found = faults(folder)
    for fault in found:
        print('error: ' + fault, file=sys.stderr)
    if not found:
        print('the site is built: %s' % os.path.join(folder, 'index.html'))
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
