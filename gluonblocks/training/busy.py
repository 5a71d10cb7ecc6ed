"""A hook that prints a hint if other processes compete with MXNet for CPU cores."""
import glob
import os
import time

from .hooks import Hook
from .progress import tell

WINDOW = 5  # seconds; shorter periods of load do not matter

HINT = ('hint: other processes compete for CPU cores: in the last %.0f seconds, MXNet\'s threads '
        'ran for %.1f s and waited for a core for %.1f s. The threads also keep cores busy while '
        'they wait for each other. If you set GOMP_SPINCOUNT=1000 before Python starts, they sleep '
        'instead, which may make training much faster. The results stay the same.')

# No hint is printed if one of these variables is set: the user has chosen how long threads spin.
SPINNING = ('GOMP_SPINCOUNT', 'OMP_WAIT_POLICY')


def read_schedule(folder='/proc/self/task'):
    """Return (seconds running, seconds waiting for a core), summed over this process's threads.

    Return None if the kernel was built without schedstats. `folder` has one subfolder per thread.
    """
    ran = waited = 0
    for path in glob.glob(os.path.join(folder, '*', 'schedstat')):
        try:
            with open(path) as f:
                fields = f.read().split()
        except OSError:
            continue  # the thread has exited
        ran, waited = ran + int(fields[0]), waited + int(fields[1])
    return (ran / 1e9, waited / 1e9) if ran else None  # from nanoseconds


class BusyMachine(Hook):
    """Print one hint to stderr if MXNet's threads spend more time waiting for a core than running.

    MXNet splits each operator among threads. While one thread waits for a core, the others keep
    their cores busy by spinning. The hook checks the times every few seconds, after a step; a check
    takes well under a millisecond.
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
