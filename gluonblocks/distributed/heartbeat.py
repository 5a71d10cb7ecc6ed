"""Find the process that makes no progress, from heartbeats alone."""
import time
from types import SimpleNamespace
from typing import NamedTuple

BUSY = 10  # work between two steps, such as saving, may take as long as so many steps


class WorkerError(ChildProcessError):
    """A process failed or was lost, and all were ended; the message says which one and why."""


class Limits(NamedTuple):
    """Seconds until a process counts as lost.

    `start`: it has not started, or not reached the others. `stall`: its step does not end; work
    between two steps may take BUSY times as long. `silence`: no heartbeat. `vanish`: nothing is
    heard from its machine.
    """

    start: float = 60.0
    stall: float = 60.0
    silence: float = 40.0
    vanish: float = 20.0


class Watch:
    """Receives the heartbeats of processes and names the one for which the others wait in vain.

    `where`, an attribute, lists the places of ranks that the user reads, such as 'host:0'.
    `clock()` returns seconds; tests replace it.
    """

    def __init__(self, where, limits=None, clock=time.monotonic):
        self.where, self._limits, self._clock = where, limits or Limits(), clock
        self._states = [SimpleNamespace(phase='starting', step=0, count=0, since=clock())
                        for _ in where]
        self._busy_until = clock()  # when one was last between two steps, for which others wait

    def beat(self, rank, phase, step, count):
        """Note a heartbeat: phase, step, and a count that rises with each sign of progress."""
        state = self._states[rank]
        if (phase, count) != (state.phase, state.count):
            state.phase, state.step, state.count, state.since = phase, step, count, self._clock()

    def done(self, rank):
        """Expect no more heartbeats of `rank`."""
        self._states[rank].phase = 'done'

    def place(self, rank):
        """Return in words where `rank` runs, and its step."""
        return '%s, step %d' % (self.where[rank], self._states[rank].step)

    def verdict(self):
        """Return in words which process is lost, or None."""
        now, limits = self._clock(), self._limits
        working = {rank: s for rank, s in enumerate(self._states) if s.phase != 'done'}
        for rank, state in working.items():
            if now - state.since <= limits.start:
                continue
            if state.phase == 'starting':
                return '%s: did not start within %g s' % (self.where[rank], limits.start)
            if state.phase == 'connecting':
                return '%s: has not reached the others within %g s: see that the machines can ' \
                       'open connections to each other' % (self.place(rank), limits.start)
        busy = {rank: s.since for rank, s in working.items() if s.phase == 'busy'}
        if busy:
            self._busy_until = now
        # One that waits for another stands still as well: rank the one that is furthest behind.
        stalled = [(s.step, s.since, rank) for rank, s in working.items()
                   if s.phase == 'training' and now - max(s.since, self._busy_until) > limits.stall]
        if stalled:
            return '%s: did not finish the next within %g s' % (
                self.place(min(stalled)[2]), limits.stall)
        for rank, since in busy.items():
            if now - since > BUSY * limits.stall:
                return '%s: did not finish the work after it within %g s' % (
                    self.place(rank), BUSY * limits.stall)
        return None
