"""A hint if other processes compete for the cores that MXNet computes on."""
import glob
import os
import time

from .hooks import Hook
from .progress import tell

WINDOW = 5  # seconds: a shorter while may be over before it matters

HINT = ("hint: other processes are using the cores too: within %.0f seconds MXNet's threads ran "
        'for %.1f s and waited for a core for %.1f s. They also wait for each other, busily, so '
        'training may be much faster with GOMP_SPINCOUNT=1000 set before Python starts: then they '
        'soon sleep. The results stay the same.')

# With one of these the user has already chosen how long a thread waits busily.
SPINNING = ('GOMP_SPINCOUNT', 'OMP_WAIT_POLICY')


def read_schedule(folder='/proc/self/task'):
    """Return the seconds that this process's threads (ran, waited for a core), or None.

    Linux counts both for each thread, in nanoseconds, if it is built to.
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


class BusyMachine(Hook):
    """Prints one hint on stderr if MXNet's threads wait longer for a core than they run.

    MXNet's threads share each operator: while one waits for a core, the others spin. The hook looks
    every few seconds, after a step, and takes well under a millisecond.
    """

    def __init__(self, read=read_schedule, clock=time.monotonic):
        self._read, self._clock = read, clock

    def begin(self, state):
        threads = os.environ.get('MXNET_OMP_MAX_THREADS') or os.environ.get('OMP_NUM_THREADS')
        watching = threads != '1' and not any(map(os.environ.get, SPINNING))
        self._start, self._before = self._clock(), self._read() if watching else None

    def batch_end(self, state):
        if self._before is None or self._clock() - self._start < WINDOW:
            return
        now = self._read()
        ran, waited = [after - before for after, before in zip(now, self._before)]
        if waited > ran:
            tell(HINT % (self._clock() - self._start, ran, waited))
            self._before = None  # one hint is enough
            return
        self._start, self._before = self._clock(), now
