"""The --ci option: compare the speed of this checkout with that of the last release."""
import contextlib
import os
import subprocess
import tempfile

from .compare import compare, make_specs, variant
from .machine import describe_load, other_load
from .report import table, times
from .stats import ratio
from .workers import ROOT, WorkerError

# If there are no tags, the commit in this file is used as the last release.
COMMIT = os.path.join(os.path.dirname(__file__), 'release.txt')
LIMIT, ROUNDS = 1.1, 5
# (model, training options, images per prediction or None for training, steps or predictions per
# round)
CASES = [('lenet_bn', 'batch_size=256', None, 20), ('resnet', 'batch_size=64', None, 2),
         ('densenet', 'batch_size=16', None, 2), ('lenet_bn', '', 1, 200),
         ('resnet', '', 1, 50)]


def last_release():
    """Return the newest tag reachable from HEAD, or the commit in `COMMIT` if there is none."""
    found = subprocess.run(['git', 'describe', '--tags', '--abbrev=0'], cwd=ROOT,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if not found.returncode:
        return found.stdout.strip()
    with open(COMMIT) as f:
        return f.read().strip()


@contextlib.contextmanager
def checkout(commit):
    """Yield a temporary folder with `commit` checked out. Raises WorkerError if git fails."""
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
    """Compare this checkout's speed with the last release's; return 1 if a case is slower, else 0.

    A case counts as slower if the lower quartile of its new/old time ratios exceeds `LIMIT` in
    two measurements in a row.
    """
    commit, rows, failed = last_release(), [], False
    with checkout(commit) as folder, tempfile.TemporaryDirectory() as out:
        for model, options, predict, count in CASES:
            variants = [variant(options + ' checkout=' + root) for root in (folder, ROOT)]
            for _ in range(2):
                before, now = compare(make_specs(model, variants, predict, out), ROUNDS, count,
                                      predict).values()
                found = ratio(now['clock'], before['clock'])
                # Compare the lower quartile, because other processes may slow down some rounds.
                slower = found.low > LIMIT
                if not slower:  # otherwise measure again
                    break
            failed |= slower
            rows.append([model, 'prediction of %d' % predict if predict else 'step, ' + options,
                         times(found), 'SLOWER' * slower])
    print("Times of this checkout divided by those of %s, medians of %d rounds; %s\n\n%s" % (
        commit, ROUNDS, describe_load(other_load()), table(['model', 'what', 'ratio', ''], rows)))
    return int(failed)
