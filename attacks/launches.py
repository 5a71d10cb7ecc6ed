"""`gluonblocks train` on several machines of a `Network` at once, and what is seen of it."""
import os
import re
import subprocess
import sys
import time

PORT = 29400  # where the first machine listens
TURN = 0.1  # seconds from one look to the next


class Launch:
    """The launchers on `machines`, one each, and the processes that they start.

    Each has a folder of its own within `folder`, named as the machine, as its working directory;
    what it prints goes to out.txt and err.txt there. They are told that they are `nodes`: by
    default as many as there are; one machine alone is told of no others.
    """

    def __init__(self, machines, folder, arguments, env, nodes=None):
        self.machines, self.folder, self.processes = machines, folder, []
        self.argv, self.started = ['train', *arguments], time.monotonic()
        nodes = nodes or len(machines)
        if nodes > 1:
            self.argv += ['--nodes', str(nodes), '--master',
                          '%s:%d' % (machines[0].address, PORT), '--node-rank']
        for k, machine in enumerate(machines):
            os.makedirs(self.path(k), exist_ok=True)
            with open(self.path(k, 'out.txt'), 'wb') as out, open(
                    self.path(k, 'err.txt'), 'wb') as err:
                self.processes.append(machine.popen(
                    [sys.executable, '-m', 'gluonblocks', *self.argv,
                     *([str(k)] if nodes > 1 else [])],
                    stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, cwd=self.path(k)))

    def path(self, k, *names):
        """A path in the folder of a machine."""
        return os.path.join(self.folder, self.machines[k].name, *names)

    def out(self, k=0):
        """What a launcher has printed on stdout."""
        return self._read(k, 'out.txt')

    def err(self, k=0):
        """What a launcher has printed on stderr."""
        return self._read(k, 'err.txt')

    def _read(self, k, name):
        with open(self.path(k, name), errors='replace') as f:
            return f.read()

    def epoch(self):
        """The last epoch whose line was printed; 0 before the first."""
        return max(map(int, re.findall(r'^epoch (\d+),.*\n', self.out(), re.M)), default=0)

    def has_begun(self):
        """Whether anything was printed, as once the first worker trains."""
        return bool(self.out())

    def running(self, but=None):
        """The launchers that have not ended."""
        return [process for process in self.processes
                if process is not but and process.poll() is None]

    def wait(self, seconds):
        """Wait for the end of all; whether they ended within so many seconds."""
        end = time.monotonic() + seconds
        while self.running() and time.monotonic() < end:
            time.sleep(TURN)
        return not self.running()

    def children(self, k):
        """{role: pid} of what the launcher of a machine started: worker, server, scheduler."""
        return {role: pids[-1] for role, pids in started_by(self.processes[k].pid).items()}


def started_by(launcher):
    """{role: pids} of the processes that the launcher of that pid started, in their order."""
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
