"""Find the process that has stopped making progress, from heartbeats alone."""
import time
from types import SimpleNamespace
from typing import NamedTuple

BUSY = 10  # the time limit of work between two steps, such as saving, in limits of a step


class WorkerError(ChildProcessError):
    """A process failed or was lost, so all were ended; the message says which one, and why."""


class Limits(NamedTuple):
    """Time limits, in seconds, after which a process counts as lost.

    `start`: to start, and to connect to the others. `stall`: to finish a step; work between two
    steps may take BUSY times as long. `silence`: without a heartbeat from the process. `vanish`:
    without a message from its machine.
    """

    start: float = 60.0
    stall: float = 60.0
    silence: float = 40.0
    vanish: float = 20.0


class Watch:
    """Receives the heartbeats of processes, and finds the one that keeps the others waiting.

    `where`, an attribute, lists the location of each rank for messages, such as 'host:0'. `clock()`
    returns seconds; tests replace it.
    """

    def __init__(self, where, limits=None, clock=time.monotonic):
        self.where, self._limits, self._clock = where, limits or Limits(), clock
        self._states = [SimpleNamespace(phase='starting', step=0, count=0, since=clock())
                        for _ in where]
        self._busy_until = clock()  # when any process was last busy; others wait for it

    def beat(self, rank, phase, step, count):
        """Record a heartbeat: phase, step, and a counter that increases with progress."""
        state = self._states[rank]
        if (phase, count) != (state.phase, state.count):
            state.phase, state.step, state.count, state.since = phase, step, count, self._clock()

    def done(self, rank):
        """Expect no more heartbeats of `rank`."""
        self._states[rank].phase = 'done'

    def place(self, rank):
        """Return the location of `rank` and its step, as text."""
        return '%s, step %d' % (self.where[rank], self._states[rank].step)

    def verdict(self):
        """Return text that says which process is lost, and why, or None."""
        now, limits = self._clock(), self._limits
        working = {rank: s for rank, s in enumerate(self._states) if s.phase != 'done'}
        for rank, state in working.items():
            if now - state.since <= limits.start:
                continue
            if state.phase == 'starting':
                return '%s: did not start within %g s' % (self.where[rank], limits.start)
            if state.phase == 'connecting':
                return ('%s: could not connect to the others within %g s: check that the machines '
                        'can open connections to each other' % (self.place(rank), limits.start))
        busy = {rank: s.since for rank, s in working.items() if s.phase == 'busy'}
        if busy:
            self._busy_until = now
        # Processes that wait for another make no progress either: blame the one furthest behind.
        stalled = [(s.step, s.since, rank) for rank, s in working.items()
                   if s.phase == 'training' and now - max(s.since, self._busy_until) > limits.stall]
        if stalled:
            return '%s: did not finish the next step within %g s' % (
                self.place(min(stalled)[2]), limits.stall)
        for rank, since in busy.items():
            if now - since > BUSY * limits.stall:
                return '%s: did not finish the work after this step within %g s' % (
                    self.place(rank), BUSY * limits.stall)
        return None
