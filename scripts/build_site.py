#!/usr/bin/env python
"""Build the documentation site with Sphinx and check its links. Every warning is an error.

The script needs the `docs` extra. The build checks links to pages and headings; Sphinx's link
checker then checks links to files. No page may load anything from another host.

example:
  python scripts/build_site.py
  python -m http.server --directory build/site

Exit code: 0 built, 1 error, 130 interrupted."""
import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# HTML tags and CSS rules that make a browser load a file from another host without a click.
LOADS = re.compile(r'<(?!a\s)[^>]*?\s(?:src|srcset|poster|data)=["\']?(?:https?:)?//[^"\'>\s]+|'
                   r'<link(?![^>]*rel="(?:canonical|author|license)")[^>]*'
                   r'href="(?:https?:)?//[^"]+|'
                   r'(?:url\(|@import)\s*["\']?\s*(?:https?:)?//[^"\')\s;]+', re.I)


def loads_from_elsewhere(folder):
    """Return a message for each tag or CSS rule in `folder` that loads a file from another host."""
    found = []
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith(('.html', '.css')):
                path = os.path.join(parent, name)
                with open(path, encoding='utf-8') as f:
                    tags = LOADS.findall(f.read())
                found += ['%s loads from another host: %s' % (os.path.relpath(path, folder), tag)
                          for tag in tags]
    return found


def build(folder):
    """Build the site into `folder`, check it, and return the exit code."""
    with tempfile.TemporaryDirectory() as scratch:  # with an empty cache, Sphinx reads every page
        for builder, out in (('html', folder), ('linkcheck', os.path.join(scratch, 'links'))):
            if subprocess.call(
                    [sys.executable, '-m', 'sphinx', '-q', '-W', '--keep-going', '-b', builder,
                     '-D', 'linkcheck_ignore=^https?://', '-c', os.path.join(REPOSITORY, 'docs'),
                     '-d', os.path.join(scratch, 'doctrees'), REPOSITORY, out]):
                return 1
    found = loads_from_elsewhere(folder)
    for message in found:
        print('error: ' + message, file=sys.stderr)
    if not found:
        print('built the site: %s' % os.path.join(folder, 'index.html'))
    return 1 if found else 0


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', metavar='FOLDER',
                        help='folder to write the site to (default: build/site)',
                        default=os.path.join(REPOSITORY, 'build', 'site'))
    args = parser.parse_args(argv)
    if importlib.util.find_spec('sphinx') is None:
        sys.exit("error: Sphinx is not installed for this Python: %s -m pip install -e '.[docs]'"
                 % sys.executable)
    try:
        return build(args.out)
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130


if __name__ == '__main__':
    sys.exit(main())
