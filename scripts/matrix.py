#!/usr/bin/env python
"""Run tox's environments one after another, and record the results in results/ and docs/.

The script needs tox, git, and the Python interpreters on PATH. An environment whose interpreter is
missing is recorded as not run. This command adds all of pyenv's interpreters to PATH:

  PATH="$PATH:$(pyenv versions --bare | xargs -n1 pyenv prefix | sed 's,$,/bin,' | paste -sd:)"

The results of an environment are recorded as soon as it finishes. An environment that has already
passed with the same package and tests is skipped, so you can rerun the script if it is interrupted.

example:
  python scripts/matrix.py
  python scripts/matrix.py --only py311 py312-oldest arm

Exit code: 0 all environments have passed (in this call or an earlier one), 1 one has not."""
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

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RECORDS = os.path.join(REPOSITORY, 'results', 'matrix.json')
DOCUMENT = os.path.join(REPOSITORY, 'docs', 'compatibility.md')

Record = collections.namedtuple('Record', 'environment result python numpy mxnet tests date commit')
HEADER = Record('environment', 'result', 'Python', 'NumPy', 'MXNet', 'tests', 'date', 'commit')
CODE = ['gluonblocks', 'tests', 'pyproject.toml', 'tox.ini']  # no rerun if only other files change


def environments():
    """Return the names of tox's default environments, plus 'arm'; exit if tox is missing."""
    if importlib.util.find_spec('tox') is None:
        sys.exit("error: tox is not installed for this Python: %s -m pip install 'tox>=4.11'"
                 % sys.executable)
    listed = subprocess.check_output([sys.executable, '-m', 'tox', 'list', '-d', '--no-desc', '-q'],
                                     cwd=REPOSITORY, universal_newlines=True)
    names = [line.strip() for line in listed.splitlines()]
    return [name for name in names if re.match(r'[\w-]+$', name)] + ['arm']


def git(*arguments):
    """Return the standard output of a git command in the repository, or None if it fails."""
    done = subprocess.run(['git', '-C', REPOSITORY, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    return None if done.returncode else done.stdout.strip()


def is_current(old):
    """Return True if `old` records a pass, and the package and tests have not changed since."""
    return old.result == 'passed' and git('diff', '--quiet', old.commit, '--', *CODE) is not None


def run(name):
    """Run the tox environment `name`, show its output, and return its Record."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'result.json')
        subprocess.call([sys.executable, '-m', 'tox', 'run', '-e', name, '--result-json', path],
                        cwd=REPOSITORY, stdin=subprocess.DEVNULL)
        with open(path) as f:
            done = record(name, json.load(f)['testenvs'][name], str(datetime.date.today()),
                          git('rev-parse', '--short', 'HEAD'))
    if name == 'arm' and done.result == 'passed':
        with open(os.path.join(REPOSITORY, 'results', 'arm.txt')) as f:
            return arm_record(f.read())
    return done


def record(name, result, date, commit):
    """Return the Record for the environment `name`, given its `result` from tox's JSON output."""
    python = result.get('python', {}).get('version', '').split(' ')[0]
    if not python:
        return Record(name, 'not run: Python not found', '', '', '', '', date, commit)
    output = ''.join(test['output'] for test in result.get('test', ()))
    versions = re.search(r'^gluonblocks \S+, NumPy (\S+), MXNet (\S+)$', output, re.M)
    numpy, mxnet = versions.groups() if versions else ('', '')
    ended = re.search(r'^=* ?(\d+ \w+(?:, \d+ \w+)*) in [\d.]+s', output, re.M)
    counts = [c for c in ended.group(1).split(', ') if 'warning' not in c] if ended else []
    return Record(name, 'passed' if result['result']['success'] else 'FAILED', python,
                  numpy, mxnet, ', '.join(counts), date, commit)


def arm_record(text):
    """Return the Record for the environment `arm`, given the content of results/arm.txt."""
    commit, date = re.match(r'gluonblocks at commit (\S+), (\S+)', text).groups()
    python, numpy, mxnet = [re.search(r'^(?:ok +)?%s +([\d.]+)' % name, text, re.M).group(1)
                            for name in ('Python', 'NumPy', 'MXNet')]
    counts = ['%d %s' % (sum(map(int, re.findall(r'(\d+) %s' % word, text))), word)
              for word in ('passed', 'skipped')]
    return Record('arm', 'passed', python, numpy, mxnet, ', '.join(counts), date, commit)


def table(records):
    """Return the records as a Markdown table."""
    rows = [HEADER, ['---'] * len(HEADER)] + [
        r._replace(environment='`%s`' % r.environment) for r in records]
    return ''.join('| %s |\n' % ' | '.join(row) for row in rows)


def read_records():
    """Return the saved records as {environment: Record}."""
    with open(RECORDS) as f:
        return {row['environment']: Record(**row) for row in json.load(f)}


def write(records):
    """Save the records in results/matrix.json, and update the table in docs/compatibility.md."""
    with open(DOCUMENT, encoding='utf-8') as f:
        text = re.sub(r'(<!-- matrix: begin -->\n).*(<!-- matrix: end -->\n)',
                      lambda marks: marks[1] + table(records) + marks[2], f.read(), flags=re.S)
    for path, content in [
            (RECORDS, json.dumps([r._asdict() for r in records], indent=1) + '\n'),
            (DOCUMENT, text)]:
        with open(path, 'w', encoding='utf-8') as f:
            f.write(content)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    known = environments()
    parser.add_argument('--only', nargs='+', metavar='ENV', choices=known, default=known,
                        help='tox environments to run (default: all)')
    parser.add_argument('--again', action='store_true',
                        help='also run environments that have already passed with the same code')
    args = parser.parse_args(argv)
    if git('diff', '--quiet', 'HEAD', '--', *CODE) is None:
        sys.exit('error: commit your changes first, because the table names the commit: found '
                 'uncommitted changes in %s' % git('diff', '--name-only', 'HEAD', '--', *CODE))
    records = read_records()
    for name in args.only:
        if name in records and is_current(records[name]) and not args.again:
            continue
        records[name] = run(name)
        records = {name: records[name] for name in known if name in records}  # in tox's order
        write(records.values())
    wrong = [name for name in known
             if name not in records or records[name].result != 'passed']
    print('\n%s\n%d passed, %d failed or not run%s' % (
        table(records.values()), len(known) - len(wrong),
        len(wrong), ': ' + ' '.join(wrong) if wrong else ''))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
