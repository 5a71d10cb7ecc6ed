"""Simulate several machines on one, using Linux network namespaces connected by a bridge.

    with Network(3) as network:                       # raises NotTried if unsupported
        first = network.machines[0]                   # .name 'node0', .address '10.77.0.1'
        process = first.popen(['ip', 'addr'])         # accepts subprocess.Popen's options
        first.shape(rate=10 ** 9)                     # bits per second, in each direction
        first.link(up=False)                          # like pulling its network cable
        first.processes()                             # pids of the processes on this machine

The host's network is not changed. Root is not needed if the kernel lets users create namespaces.
A process in each namespace holds it open. When the `with` block ends, or the process that runs it
is killed, the keeper process, `python -m tools.attacks.network`, ends these holders and kills all
other processes in the namespaces.
"""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from .verdict import NotTried

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ADDRESS, PORT = '10.77.0.%d', 29400  # the port on which the first machine of a run listens
NAME, LINK = 'node%d', 'port%d'  # names of a machine and of the bridge's end of its link
UNSHARE = ['unshare', '--net', '--uts']
BURST = 1e-3  # seconds of data, at the full rate, that a link may send at once
QUEUE = '50ms'  # packets that would wait longer for a link are dropped


class Machine:
    """A simulated machine in `network`: a network namespace kept open by the process `pid`."""

    def __init__(self, network, number, pid):
        self._network, self._pid, self.number = network, pid, number
        self.name, self.address = NAME % number, ADDRESS % (number + 1)
        self._port = LINK % number

    def argv(self, *command):
        """Return the command line that runs `command` on this simulated machine."""
        return self._network.enter(self._pid) + list(command)

    def popen(self, command, **options):
        """Start a command on this machine; return a `subprocess.Popen`."""
        process, own = subprocess.Popen(self.argv(*command), **options), namespace_of(self._pid)
        while process.poll() is None and namespace_of(process.pid) != own:
            time.sleep(0.005)  # until it has entered the namespace, `processes` does not list it
        return process

    def link(self, up):
        """Bring the machine's link up or down. A link that is down silently drops packets."""
        self._network.change('ip', 'link', 'set', self._port, 'up' if up else 'down')

    def shape(self, rate=None):
        """Limit the link to `rate` bit/s in each direction, or remove the limit if `rate` is None.

        Raises NotTried if the kernel lacks tbf, the queueing discipline that limits the rate.
        """
        for pid, device in [(None, self._port), (self._pid, 'eth0')]:
            with contextlib.suppress(NotTried):  # the link had no limit
                self._network.change('tc', 'qdisc', 'del', 'dev', device, 'root', pid=pid)
            if rate:
                # The burst size, in bytes, must exceed 64 KiB, because the kernel may merge
                # several packets into one of up to that size.
                burst = max(2 ** 17, int(rate / 8 * BURST))
                self._network.change('tc', 'qdisc', 'add', 'dev', device, 'root', 'tbf', 'rate',
                                     '%dbit' % rate, 'burst', str(burst), 'latency', QUEUE, pid=pid)

    def processes(self):
        """Return the PIDs of the processes that run on this simulated machine."""
        return processes_in([namespace_of(self._pid)], but=[self._pid])


def node_options(machines, k):
    """Return the `gluonblocks train` options for machine `k` in a run on all `machines`."""
    if len(machines) == 1:
        return []
    return ['--nodes', str(len(machines)), '--master', '%s:%d' % (machines[0].address, PORT),
            '--node-rank', str(k)]


class Network:
    """A context manager for `count` simulated machines, all linked to one bridge.

    Raises NotTried if a command or a kernel feature is missing.
    """

    def __init__(self, count):
        missing = [name for name in ('ip', 'tc', 'nsenter', 'unshare')
                   if not shutil.which(name, path=_environment()['PATH'])]
        if missing:
            raise NotTried('missing commands: %s; install iproute2 and util-linux'
                           % ', '.join(missing))
        self._user = os.geteuid() != 0
        self._keeper = subprocess.Popen(
            [*UNSHARE, *['--map-root-user'] * self._user, sys.executable, '-m',
             'tools.attacks.network', str(count)], cwd=ROOT, env=_environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True)  # so that Ctrl-C does not reach it
        line = self._keeper.stdout.readline()
        if not line:
            reason = self._keeper.communicate()[1].strip()
            raise NotTried('cannot create network namespaces: %s' % (reason or 'unknown reason'))
        pids = json.loads(line)
        self._bridge = pids['bridge']
        self.machines = [Machine(self, k, pid) for k, pid in enumerate(pids['machines'])]

    def enter(self, pid):
        """Return the `nsenter` prefix that runs a command in the namespaces of a process."""
        # Without --preserve-credentials, nsenter would call setgroups, which a user namespace does
        # not allow.
        user = ['--user', '--preserve-credentials'] if self._user else []
        return ['nsenter', '--target', str(pid), *user, '--net', '--uts', '--']

    def change(self, *command, pid=None):
        """Run `ip` or `tc` in the namespaces of process `pid`, or of the bridge if `pid` is None.

        Raises NotTried if the command fails.
        """
        done = subprocess.run(self.enter(pid or self._bridge) + list(command), env=_environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise NotTried('%s: %s' % (' '.join(command), done.stdout.strip()))

    def processes(self):
        """Return the pids of the processes on all machines."""
        return [pid for machine in self.machines for pid in machine.processes()]

    def close(self):
        """Shut down the machines and kill everything that runs on them."""
        self._keeper.communicate()  # closes its stdin, so that it exits

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def namespace_of(pid):
    """Return the ID of a process's network namespace, or '' if the process is inaccessible."""
    try:
        return os.readlink('/proc/%d/ns/net' % pid)
    except OSError:
        return ''


def processes_in(namespaces, but=()):
    """Return the pids of running processes in any of `namespaces`, except those in `but`."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir('/proc')))
            if pid not in but and namespace_of(pid) in namespaces]


def _environment():
    path = os.environ.get('PATH', os.defpath) + ':/usr/sbin:/sbin'
    return dict(os.environ, PATH=path, LC_ALL='C')


# The keeper.

HOLD = 'import socket, sys; socket.sethostname(sys.argv[1]); print(flush=True); sys.stdin.read()'


def keep(count):
    """Create `count` machines, print their pids as JSON, and shut them down when stdin closes."""
    holders = [subprocess.Popen(
        [*UNSHARE, sys.executable, '-c', HOLD, NAME % k], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE) for k in range(count)]
    machines = [holder.pid for holder in holders]
    for holder in holders:
        holder.stdout.readline()  # its namespace exists now
    _configure(machines)
    print(json.dumps({'bridge': os.getpid(), 'machines': machines}), flush=True)
    sys.stdin.read()
    namespaces = [namespace_of(pid) for pid in machines]
    while processes_in(namespaces, but=machines):
        for pid in processes_in(namespaces, but=machines):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _configure(machines):
    """Create a network bridge, and connect each machine to it."""
    lines = ['link add bridge type bridge', 'link set bridge up']
    for k, pid in enumerate(machines):
        lines += ['link add name %s type veth peer name eth0 netns %d' % (LINK % k, pid),
                  'link set %s master bridge up' % (LINK % k)]
    _ip([], lines)
    for k, pid in enumerate(machines):
        _ip(['nsenter', '--target', str(pid), '--net', '--'], [
            'link set lo up', 'address add %s/24 dev eth0' % (ADDRESS % (k + 1)),
            'link set eth0 up'])


def _ip(before, lines):
    done = subprocess.run(before + ['ip', '-batch', '-'], input='\n'.join(lines) + '\n',
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(done.stdout.strip())


if __name__ == '__main__':
    keep(int(sys.argv[1]))
