"""Puts what the experiments printed, results/experiments/NAME.txt, into docs/exercises.md.

example:
  python scripts/experiments.py rates > results/experiments/rates.txt
  python -m experiments.document

Each stands between two marks, `<!-- NAME: begin -->` and `<!-- NAME: end -->`.
"""
import os
import re

from gluonblocks.files import write_file

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RESULTS = os.path.join(ROOT, 'results', 'experiments')
DOCUMENT = os.path.join(ROOT, 'docs', 'exercises.md')
_PLACE = re.compile(r'(<!-- (\w+): begin -->\n).*?(<!-- \2: end -->)', re.S)


def results():
    """{name: what the experiment printed}, of those that were run."""
    found = {}
    for name in sorted(os.listdir(RESULTS)):
        if name.endswith('.txt'):
            with open(os.path.join(RESULTS, name), encoding='utf-8') as f:
                found[name[:-len('.txt')]] = f.read()
    return found


def filled(text, printed):
    """`text` with what each experiment printed between its marks."""
    def between(match):
        begin, name, end = match.groups()
        return match.group() if name not in printed else '%s```\n%s```\n%s' % (
            begin, printed[name], end)
    return _PLACE.sub(between, text)


def main():
    with open(DOCUMENT, encoding='utf-8') as f:
        text = f.read()
    write_file(DOCUMENT, filled(text, results()).encode())


if __name__ == '__main__':
    main()
