#!/usr/bin/env python
"""Run tox's environments, one after another, and record which passed in results/ and docs/.

Needs `tox`, and the interpreters on PATH: one that is not there is recorded as not run."""
import argparse
import collections
import datetime
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile

EXAMPLE = """\
An environment's record is written as it ends, so a stopped run goes on with --only; the records of
environments that are not run stay. With pyenv, all its interpreters are on PATH after

  PATH="$PATH:$(pyenv versions --bare | xargs -n1 pyenv prefix | sed 's,$,/bin,' | paste -sd:)"

example:
  python scripts/matrix.py
  python scripts/matrix.py --only py311 py312-oldest
  python scripts/matrix.py --since 2030-01-31     (those without a record of that day or later)
  python scripts/matrix.py --table                (write the table again, run nothing)

Exit code: 0 every environment passed, 1 one failed or did not run (old records count too)."""

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RECORDS = os.path.join(REPOSITORY, 'results', 'matrix.json')
DOCUMENT = os.path.join(REPOSITORY, 'docs', 'compatibility.md')
BEGIN, END = '<!-- matrix: begin -->\n', '<!-- matrix: end -->\n'

Record = collections.namedtuple('Record', 'environment result python numpy mxnet tests date')
HEADER = Record('environment', 'result', 'Python', 'NumPy', 'MXNet', 'tests', 'date')


def environments():
    """tox's default environments, in order; SystemExit where there is no tox."""
    if importlib.util.find_spec('tox') is None:
        sys.exit("error: tox is not installed for this Python: %s -m pip install 'tox>=4.11'"
                 % sys.executable)
    listed = subprocess.check_output([sys.executable, '-m', 'tox', 'list', '-d', '--no-desc', '-q'],
                                     cwd=REPOSITORY, universal_newlines=True)
    return [line.strip() for line in listed.splitlines() if re.match(r'[\w-]+$', line.strip())]


def run(name):
    """Run the environment `name`; return its Record. What it prints is shown."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'result.json')
        subprocess.call([sys.executable, '-m', 'tox', 'run', '-e', name, '--result-json', path],
                        cwd=REPOSITORY, stdin=subprocess.DEVNULL)
        with open(path) as f:
            return record(name, json.load(f)['testenvs'][name], str(datetime.date.today()))


def record(name, result, date):
    """The Record of what tox wrote of the environment `name` in its --result-json."""
    python = result.get('python', {}).get('version', '').split(' ')[0]
    if not python:
        return Record(name, 'not run: no such Python here', '', '', '', '', date)
    output = ''.join(test['output'] for test in result.get('test', ()))
    versions = re.search(r'^gluonblocks \S+, NumPy (\S+), MXNet (\S+)$', output, re.M)
    ended = re.search(r'^=* ?(\d+ \w+(?:, \d+ \w+)*) in [\d.]+s', output, re.M)
    counts = [c for c in ended.group(1).split(', ') if 'warning' not in c] if ended else []
    return Record(name, 'passed' if result['result']['success'] else 'FAILED', python,
                  versions.group(1) if versions else '', versions.group(2) if versions else '',
                  ', '.join(counts), date)


def table(records):
    """The records as a Markdown table."""
    rows = [HEADER, ['---'] * len(HEADER)] + [
        r._replace(environment='`%s`' % r.environment) for r in records]
    return ''.join('| %s |\n' % ' | '.join(row) for row in rows)


def read_records():
    """{environment: Record} of what was recorded so far."""
    try:
        with open(RECORDS) as f:
            return {row['environment']: Record(**row) for row in json.load(f)}
    except FileNotFoundError:
        return {}


def write(records):
    """Write the records, {environment: Record}, to results/, and their table into `DOCUMENT`."""
    records = records.values()
    with open(DOCUMENT, encoding='utf-8') as f:
        before, begin, rest = f.read().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit('%s has no lines %s and %s' % (DOCUMENT, BEGIN.strip(), END.strip()))
    for path, text in [
            (RECORDS, json.dumps([r._asdict() for r in records], indent=1) + '\n'),
            (DOCUMENT, before + BEGIN + table(records) + END + after)]:
        with open(path + '.part', 'w', encoding='utf-8') as f:
            f.write(text)
        os.replace(path + '.part', path)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLE,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument('--only', nargs='+', metavar='ENV', help='run these environments')
    which.add_argument('--since', metavar='DATE', help='run those not passed on that day or later')
    which.add_argument('--table', action='store_true', help='run none')
    args = parser.parse_args(argv)
    known = environments()
    before = read_records()
    records = {name: before[name] for name in known if name in before}
    chosen = [] if args.table else args.only or known
    unknown = [name for name in chosen if name not in known]
    if unknown:
        parser.error('no environment %s; tox has: %s' % (', '.join(unknown), ', '.join(known)))
    if args.since:
        chosen = [name for name in known if name not in records or
                  records[name].result != 'passed' or records[name].date < args.since]
    if args.table:
        write(records)
    for name in chosen:
        records[name] = run(name)
        records = {name: records[name] for name in known if name in records}  # in tox's order
        write(records)
    wrong = [name for name in known
             if name not in records or records[name].result != 'passed']
    print('\n%s\n%d passed, %d failed or not run%s' % (
        table(records.values()), len(known) - len(wrong),
        len(wrong), ': ' + ' '.join(wrong) if wrong else ''))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
