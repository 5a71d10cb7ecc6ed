"""Whether other processes want the cores that MXNet computes on."""
import glob
import os
import time

from .hooks import Hook
from .progress import tell

WINDOW = 5  # seconds: a shorter while may be over before it matters

HINT = ('hint: other processes want the cores too: within %.0f seconds MXNet\'s threads ran for '
        '%.1f and waited for a core for %.1f. As they also wait for each other, and busily, it may '
        'be much faster to set GOMP_SPINCOUNT=1000 before Python starts: then they soon sleep. It '
        'changes no number.')

# By one of these the user has said how long a thread waits busily.
SPINNING = ('GOMP_SPINCOUNT', 'OMP_WAIT_POLICY')


def is_crowded(ran, waited, num_threads):
    """Whether threads that `ran` and `waited` for a core so many seconds should spin for less.

    MXNet's threads share each operator and go on together: while one waits for a core, the others
    spin until their time is up, and then wait themselves. One thread has nobody to wait for.
    """
    return num_threads != 1 and waited > ran and not any(map(os.environ.get, SPINNING))


def read_schedule(folder='/proc/self/task'):
    """(seconds run, seconds waited for a core) of this process's threads; None if nobody counts.

    Linux counts both for each thread, in nanoseconds, where it is built to.
    """
    ran = waited = 0
    for path in glob.glob(os.path.join(folder, '*', 'schedstat')):
        try:
            with open(path) as f:
                fields = f.read().split()
        except OSError:
            continue  # the thread has ended
        ran, waited = ran + int(fields[0]), waited + int(fields[1])
    return (ran / 1e9, waited / 1e9) if ran else None


def num_threads():
    """How many threads MXNet was given, or 0 where that is its own choice."""
    return int(os.environ.get('MXNET_OMP_MAX_THREADS') or os.environ.get('OMP_NUM_THREADS') or 0)


class BusyMachine(Hook):
    """Tells once, on stderr, that the machine is busy, and what may be faster then.

    It looks every few seconds, after a step; that takes well under a millisecond.
    """

    def __init__(self, read=read_schedule, clock=time.monotonic):
        self._read, self._clock = read, clock

    def begin(self, state):
        self._start, self._before = self._clock(), self._read()

    def batch_end(self, state):
        if self._before is None or self._clock() - self._start < WINDOW:
            return
        now = self._read()
        ran, waited = [after - before for after, before in zip(now, self._before)]
        if is_crowded(ran, waited, num_threads()):
            tell(HINT % (self._clock() - self._start, ran, waited))
            self._before = None  # told, once
            return
        self._start, self._before = self._clock(), now
