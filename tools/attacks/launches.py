"""`gluonblocks train` on several machines of a `Network` at once."""
import os
import re
import subprocess
import sys
import time

from .network import node_options

TURN = 0.1  # seconds between two looks at it


class Launch:
    """A launcher on each of `machines`, and the processes that it starts.

    Each works in a folder of its own within `folder`, named like the machine; out.txt and err.txt
    there get what it prints.
    """

    def __init__(self, machines, folder, arguments, env):
        self.machines, self.folder, self.processes = machines, folder, []
        self.argv, self.started = ['train', *arguments], time.monotonic()
        for k, machine in enumerate(machines):
            os.makedirs(self.path(k), exist_ok=True)
            with open(self.path(k, 'out.txt'), 'wb') as out, open(
                    self.path(k, 'err.txt'), 'wb') as err:
                self.processes.append(machine.popen(
                    [sys.executable, '-m', 'gluonblocks', *self.argv,
                     *node_options(machines, k)],
                    stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, cwd=self.path(k)))

    def path(self, k, *names):
        """Return a path in the folder of a machine."""
        return os.path.join(self.folder, self.machines[k].name, *names)

    def out(self, k=0):
        """Return what a launcher has printed on stdout."""
        return self._read(k, 'out.txt')

    def err(self, k=0):
        """Return what a launcher has printed on stderr."""
        return self._read(k, 'err.txt')

    def _read(self, k, name):
        with open(self.path(k, name), errors='replace') as f:
            return f.read()

    def epoch(self):
        """Return the last epoch whose line was printed, 0 before the first."""
        return max(map(int, re.findall(r'^epoch (\d+),.*\n', self.out(), re.M)), default=0)

    def has_begun(self):
        """Return True once the first worker trains, which prints a line."""
        return bool(self.out())

    def running(self):
        """Return the launchers that have not ended."""
        return [process for process in self.processes if process.poll() is None]

    def wait(self, seconds):
        """Wait for the end of all launchers; return False if it takes longer than `seconds`."""
        end = time.monotonic() + seconds
        while self.running() and time.monotonic() < end:
            time.sleep(TURN)
        return not self.running()

    def children(self, k):
        """Return {role: pid} of the processes that the launcher of a machine started."""
        return {role: pids[-1] for role, pids in started_by(self.processes[k].pid).items()}


def started_by(launcher):
    """Return {role: pids} of the worker, server and scheduler processes of a launcher, by age."""
    found = {}
    for pid in sorted(map(int, filter(str.isdigit, os.listdir('/proc')))):
        try:
            with open('/proc/%d/stat' % pid) as f:
                parent = int(f.read().rsplit(')', 1)[1].split()[1])
            with open('/proc/%d/cmdline' % pid) as f:
                role = re.search(r"import main; main\('?(\w*)'?\)", f.read())
        except OSError:  # it has ended
            continue
        if parent == launcher and role:
            found.setdefault(role.group(1) or 'worker', []).append(pid)
    return found
