"""Use heartbeats to detect which process has stopped making progress."""
import time
from types import SimpleNamespace
from typing import NamedTuple

BUSY = 10  # work between two steps, such as saving, may take this many times as long as a step


class WorkerError(ChildProcessError):
    """Raised if a process fails or is lost; the message says why. All processes are then killed."""


class Limits(NamedTuple):
    """Time limits, in seconds, after which a process counts as lost.

    `start` limits the time to start, and to connect to the other processes. `stall` limits a
    training step; work between two steps may take BUSY times as long. `silence` limits the time
    between two heartbeats from a process, and `vanish` the time between two messages from its
    machine.
    """

    start: float = 60.0
    stall: float = 60.0
    silence: float = 40.0
    vanish: float = 20.0


class Watch:
    """A watchdog that uses heartbeats to find the process that the others are waiting for.

    `locations` lists the names that messages use for the ranks, such as 'host:0' for rank 0.
    `clock()` returns the time in seconds; tests replace it.
    """

    def __init__(self, locations, limits=None, clock=time.monotonic):
        self.locations, self._limits, self._clock = locations, limits or Limits(), clock
        self._states = [SimpleNamespace(phase='starting', step=0, count=0, since=clock())
                        for _ in locations]
        self._busy_until = clock()  # when a process was last busy, so that the others waited for it

    def beat(self, rank, phase, step, count):
        """Record a heartbeat from `rank`: its phase, its step, and its progress counter."""
        state = self._states[rank]
        if (phase, count) != (state.phase, state.count):
            state.phase, state.step, state.count, state.since = phase, step, count, self._clock()

    def done(self, rank):
        """Stop watching `rank`, which has finished."""
        self._states[rank].phase, self._states[rank].since = 'done', self._clock()

    def describe(self, rank):
        """Return a string with a process's host, rank and step, such as 'host:0, step 5'."""
        return '%s, step %d' % (self.locations[rank], self._states[rank].step)

    def verdict(self):
        """Return a message that says which process is lost and why, or None if all are alive."""
        now, limits = self._clock(), self._limits
        working = {rank: s for rank, s in enumerate(self._states) if s.phase != 'done'}
        for rank, state in working.items():
            if now - state.since <= limits.start:
                continue
            if state.phase == 'starting':
                return '%s: did not start within %g s' % (self.locations[rank], limits.start)
            if state.phase == 'connecting':
                return ('%s: could not connect to the other workers within %g s: check that '
                        'firewalls allow connections between the machines'
                        % (self.describe(rank), limits.start))
        busy = {rank: s.since for rank, s in working.items() if s.phase == 'busy'}
        if busy:
            self._busy_until = now
        # A process that makes no progress may be waiting for a slower one, for example at the end
        # of an evaluation. If all have stopped, blame the process that is furthest behind.
        newest = max([self._busy_until, *(s.since for s in self._states)])
        stalled = [(s.step, s.count, s.since, rank) for rank, s in working.items()
                   if s.phase == 'training']
        if stalled and now - newest > limits.stall:
            return '%s: did not finish the next step within %g s' % (
                self.describe(min(stalled)[-1]), limits.stall)
        for rank, since in busy.items():
            if now - since > BUSY * limits.stall:
                return '%s: did not finish the work after the step within %g s' % (
                    self.describe(rank), BUSY * limits.stall)
        return None
