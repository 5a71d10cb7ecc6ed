"""This checkout against the last release, in turns in one run: the two minutes for CI."""
import contextlib
import os
import subprocess
import tempfile

from .compare import compare, specs_of, variant
from .machine import load_line, others
from .report import table, times
from .stats import ratio
from .workers import ROOT, WorkerError

# Without tags, the commit in this file counts as the last release.
COMMIT = os.path.join(os.path.dirname(__file__), 'release.txt')
LIMIT, ROUNDS = 1.1, 5
# (model, options of training, images of a prediction or None: train, steps in a round)
CASES = [('lenet_bn', 'batch_size=256', None, 20), ('resnet', 'batch_size=64', None, 2),
         ('densenet', 'batch_size=16', None, 2), ('lenet_bn', '', 1, 200),
         ('resnet', '', 1, 50)]


def last_release():
    """The newest tag that this checkout comes from; without one, the commit in `COMMIT`."""
    found = subprocess.run(['git', 'describe', '--tags', '--abbrev=0'], cwd=ROOT,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if not found.returncode:
        return found.stdout.strip()
    with open(COMMIT) as f:
        return f.read().strip()


@contextlib.contextmanager
def checkout(commit):
    """A folder with the files of `commit`; WorkerError if git cannot make it."""
    with tempfile.TemporaryDirectory(prefix='gluonblocks-release-') as folder:
        made = subprocess.run(['git', 'worktree', 'add', '--detach', folder, commit], cwd=ROOT,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if made.returncode:
            raise WorkerError('git worktree: ' + (made.stderr.strip().splitlines() or ['?'])[-1])
        try:
            yield folder
        finally:
            subprocess.run(['git', 'worktree', 'remove', '--force', folder], cwd=ROOT)


def main():
    """Print the ratios of times, and return 1 if a case is slower by more than `LIMIT`."""
    commit, rows, failed = last_release(), [], False
    with checkout(commit) as folder, tempfile.TemporaryDirectory() as out:
        for model, options, predict, count in CASES:
            variants = [variant(options + ' checkout=' + root) for root in (folder, ROOT)]
            before, now = compare(specs_of(model, variants, predict, out), ROUNDS, count,
                                  predict).values()
            found = ratio(now['clock'], before['clock'])
            failed |= found.median > LIMIT
            rows.append([model, 'prediction of %d' % predict if predict else 'step, ' + options,
                         times(found), 'SLOWER' * (found.median > LIMIT)])
    print("Times of this checkout, relative to %s's, median of %d rounds in turns; %s\n\n%s" % (
        commit, ROUNDS, load_line(others()), table(['model', 'what', 'ratio', ''], rows)))
    return int(failed)
