#!/usr/bin/env python
"""Run every ```sh and ```python block of README.md and docs/, in a copy of the repository.

A block runs unchanged, unless the line above its fence is one of these:

  <!-- docs: not run: REASON -->
  <!-- docs: OLD => NEW -->            (replace OLD with NEW, for example to train for less time)

The blocks of README.md run first. The blocks of docs/ then run in alphabetical order, and can use
the files that README.md's blocks wrote. The copy contains all files that git does not ignore. In
sh blocks, `python` and `python3` are the Python that runs this script. Python blocks run in the
virtual environment that README.md's first block creates.

example:
  python scripts/run_docs.py

Exit code: 0 all blocks passed, 1 one failed (the rest did not run)."""
import argparse
import collections
import os
import re
import subprocess
import sys
import tempfile
import time

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
Block = collections.namedtuple('Block', 'document line language code not_run replaced')
_BLOCK = re.compile(r'^(?:<!-- docs: (?P<mark>.*?) -->\n)?^```(?P<language>sh|python)\n'
                    r'(?P<code>.*?)^```$', re.M | re.S)


def documents():
    """Return the paths of README.md and docs/*.md, in the order in which their code is run."""
    return ['README.md'] + sorted(os.path.join('docs', name) for name in os.listdir(
        os.path.join(REPOSITORY, 'docs')) if name.endswith('.md'))


def blocks(text, document='README.md'):
    """Return the code blocks in Markdown `text` as `Block`s, edited as its `docs:` comments say."""
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count('\n', 0, match.start('code'))
        mark, code, not_run = match.group('mark') or '', match.group('code'), None
        if mark.startswith('not run: '):
            not_run = mark[len('not run: '):]
        elif mark:
            old, arrow, new = mark.partition(' => ')
            if not arrow or old not in code:
                raise ValueError('%s, line %d: expected OLD => NEW, where OLD occurs in the code '
                                 'block, got %r' % (document, line, mark))
            code = code.replace(old, new)
        found.append(Block(document, line, match.group('language'), code, not_run,
                           mark if mark and not not_run else None))
    return found


def run(block, folder):
    """Run a block of code in `folder`; return its exit code."""
    own = os.path.dirname(sys.executable)
    env = dict(os.environ, PATH=os.pathsep.join([own, os.environ.get('PATH', '')]))
    command = ['bash', '-euo', 'pipefail', '-c'] if block.language == 'sh' else [
        os.path.join(folder, '.venv', 'bin', 'python'), '-c']
    return subprocess.call(command + [block.code], cwd=folder, env=env, stdin=subprocess.DEVNULL)


def main(argv=None):
    argparse.ArgumentParser(description=__doc__,
                            formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(argv)
    found, ran = [], 0
    for document in documents():
        with open(os.path.join(REPOSITORY, document), encoding='utf-8') as f:
            found += blocks(f.read(), document)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.check_call(['sh', '-c', 'git ls-files -z --cached --others --exclude-standard | '
                               'xargs -0 cp --parents -t "$0"', folder], cwd=REPOSITORY)
        for block in found:
            title = '%s, line %d, %s' % (block.document, block.line, block.language)
            if block.not_run:
                print('%s: not run: %s' % (title, block.not_run), flush=True)
                continue
            print('%s%s\n%s' % (title, ' (%s)' % block.replaced if block.replaced else '',
                                block.code.rstrip()), flush=True)
            start = time.time()
            code = run(block, folder)
            print('%s: exit code %d, %.0f seconds\n' % (title, code, time.time() - start),
                  flush=True)
            if code:
                return 1
            ran += 1
    print('%d blocks passed, %d not run' % (ran, len(found) - ran))
    return 0


if __name__ == '__main__':
    sys.exit(main())
