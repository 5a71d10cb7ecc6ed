"""Check that the tests catch small mistakes: `python -m tools.mutations [--only N,N] [--list]`.

behaviours.json lists the mistakes. Each replaces `old`, a text that occurs once in `file`, with
`new`, and at least one of the test files `tests` should then fail. If a mistake is no longer
possible, its entry contains the reason, `impossible`, instead of the change. Progress goes to
stderr and a Markdown table to stdout. The exit code is 1 unless every mistake is caught.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIMIT = '600'  # time limit, in seconds, for the tests of one mistake


def run_tests(folder, tests):
    """Run `tests` in the checkout `folder`; return the first failed test, or '' if all passed.

    The checkout has its own cache, so its C++ operators are compiled separately.
    """
    env = dict(os.environ, PYTHONPATH=folder, XDG_CACHE_HOME=os.path.join(folder, '.cache'))
    env.setdefault('OMP_NUM_THREADS', '1')
    argv = ['timeout', LIMIT, sys.executable, '-m', 'pytest', '-xq', '-n0', *tests]
    done = subprocess.run(argv, cwd=folder, env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode == 124:
        return 'still running after %s s' % LIMIT
    output = done.stdout.decode(errors='replace')
    failed = re.search(r'^(?:FAILED|ERROR) (tests/.*?)(?: - .*)?$', output, re.MULTILINE)
    if done.returncode > 1 or bool(done.returncode) != bool(failed):
        print(output[-3000:], file=sys.stderr)
        return 'NOT RUN: pytest exited with code %d' % done.returncode
    return failed.group(1) if failed else ''


def make_mistake(folder, mistake):
    """Apply a mistake to the checkout `folder`. Raises ValueError unless `old` occurs once."""
    path = os.path.join(folder, mistake['file'])
    with open(path, encoding='utf-8') as f:
        text = f.read()
    if text.count(mistake['old']) != 1:
        raise ValueError('%s: expected this text once, found it %d times: %s'
                         % (mistake['file'], text.count(mistake['old']), mistake['old']))
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text.replace(mistake['old'], mistake['new']))


def main():
    parser = argparse.ArgumentParser(
        prog='python -m tools.mutations',
        description='Make small mistakes in a copy of the code, and check that the tests fail.')
    parser.add_argument('--only', metavar='N,N',
                        help='numbers of the mistakes to try, comma-separated (default: all)')
    parser.add_argument('--list', action='store_true', help='list the mistakes and exit')
    args = parser.parse_args()
    with open(os.path.join(os.path.dirname(__file__), 'behaviours.json'), encoding='utf-8') as f:
        mistakes = dict(enumerate(json.load(f), 1))
    if args.only:
        mistakes = {n: mistakes[n] for n in map(int, args.only.split(','))}
    if args.list:
        print('\n'.join('%2d %s' % (n, mistakes[n]['behaviour']) for n in mistakes))
        return 0
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(['sh', '-c', 'git ls-files -z | xargs -0 cp --parents -t "$0"', folder],
                       cwd=ROOT, check=True)
        for n, mistake in mistakes.items():
            results[n] = mistake.get('impossible')
            if 'impossible' not in mistake:
                make_mistake(folder, mistake)
                results[n] = run_tests(folder, mistake['tests']) or 'SURVIVED'
                shutil.copy(*(os.path.join(top, mistake['file']) for top in (ROOT, folder)))
            print(n, mistake['behaviour'] + ':', results[n], file=sys.stderr, flush=True)
        # A test that also fails without the mistake proves nothing.
        tests = sorted({test for test in results.values() if test.startswith('tests/')})
        wrong = run_tests(folder, tests) if tests else ''
    print('|  | mistake | caught by |\n|---|---|---|')
    for n in mistakes:
        print('| %d | %s | %s |' % (n, mistakes[n]['behaviour'], results[n]))
    if wrong:
        print('\n%s also fails without a mistake' % wrong)
    return int(bool(wrong) or any(name[:3] in ('SUR', 'NOT') for name in results.values()))


if __name__ == '__main__':
    sys.exit(main())
