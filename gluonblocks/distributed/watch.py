"""Find the process that makes no progress, from heartbeats alone."""
import time
from typing import NamedTuple

BUSY = 10  # times as long as a step may what lies between two steps take, as saving does


class Limits(NamedTuple):
    """Seconds until a process counts as lost.

    `start`: it has not started, or not reached the others. `stall`: its step does not end; work
    between two steps may take BUSY times as long. `silence`: no heartbeat. `vanish`: nothing is
    heard of its machine.
    """

    start: float = 60.0
    stall: float = 60.0
    silence: float = 40.0
    vanish: float = 20.0


class Watch:
    """Takes the heartbeats of processes and names the one that the others wait for in vain.

    `where` is a dict from the name of each process, such as 'worker 0', to the place that the user
    reads, such as 'host:0'. `clock()` returns seconds; tests replace it.
    """

    def __init__(self, where, limits=None, clock=time.monotonic):
        self._where, self._limits, self._clock = where, limits or Limits(), clock
        now = clock()
        self._states = {name: _State(now) for name in where}
        self._busy_until = now  # when one was last between two steps, for which others wait

    def beat(self, name, phase, step, count):
        """Note a heartbeat: phase, step, and a count that rises with each sign of progress."""
        state, now = self._states[name], self._clock()
        state.heard = now
        if (phase, count) != (state.phase, state.count):
            state.phase, state.step, state.count, state.since = phase, step, count, now

    def done(self, name):
        """Expect no more heartbeats of `name`."""
        self._states[name].phase = 'done'

    def place(self, name, with_step=True):
        """Return where `name` runs and, for a worker, its step, in words."""
        state = self._states[name]
        return self._where[name] + (
            ', step %d' % state.step if with_step and name.startswith('worker') else '')

    def verdict(self):
        """Return in words which process is lost, or None."""
        now, limits = self._clock(), self._limits
        working = {name: s for name, s in self._states.items() if s.phase != 'done'}
        for name, state in working.items():
            if state.phase == 'starting' and now - state.since > limits.start:
                return '%s: has not started within %g s' % (
                    self.place(name, with_step=False), limits.start)
            if state.phase != 'starting' and now - state.heard > limits.silence:
                return '%s: no beat for %g s: it was stopped, or hangs' % (
                    self.place(name), limits.silence)
            if state.phase == 'connecting' and now - state.since > limits.start:
                return '%s: has not reached the others within %g s: see that the machines can ' \
                       'open connections to each other' % (self.place(name), limits.start)
        busy = [(s.step, s.since, name) for name, s in working.items() if s.phase == 'busy']
        if busy:
            self._busy_until = now
        # One that waits for another stands as still as that one: the last in the way is meant.
        stalled = [(s.step, s.since, name) for name, s in working.items()
                   if s.phase == 'training' and now - max(s.since, self._busy_until) > limits.stall]
        if stalled:
            return '%s: has not ended the next within %g s' % (
                self.place(min(stalled)[2]), limits.stall)
        for _, since, name in busy:
            if now - since > BUSY * limits.stall:
                return '%s: has not ended what follows within %g s' % (
                    self.place(name), BUSY * limits.stall)
        return None


class _State:
    def __init__(self, now):
        self.phase, self.step, self.count = 'starting', 0, 0
        self.heard = self.since = now
