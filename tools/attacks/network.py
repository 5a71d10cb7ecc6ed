"""Several machines on one: Linux network namespaces on a bridge, with addresses and links.

    with Network(3) as network:                       # NotTried if they cannot be made
        first = network.machines[0]                   # .name 'node0', .address '10.77.0.1'
        process = first.popen(['ip', 'addr'])         # a command there: subprocess.Popen's options
        first.shape(rate=10 ** 9)                     # bits a second, each way
        first.link(up=False)                          # as if its cable were pulled
        first.processes()                             # pids of what runs there

The host's network is left alone, and no root is needed if the kernel lets users have namespaces.
The namespaces belong to processes, which end with the context. If this process is killed, their
keeper, `python -m tools.attacks.network`, ends them and whatever runs there.
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
ADDRESS, PORT = '10.77.0.%d', 29400  # a training's first machine listens at this port
NAME, LINK = 'node%d', 'port%d'  # of a machine, and of the bridge's side of its link
UNSHARE = ['unshare', '--net', '--uts']
BURST = 1e-3  # seconds of its rate that a link may send at once
QUEUE = '50ms'  # of packets that wait for a link; the others are dropped


class Machine:
    """A network namespace, which the process `pid` holds; of `network`, number `number`."""

    def __init__(self, network, number, pid):
        self._network, self._pid, self.number = network, pid, number
        self.name, self.address = NAME % number, ADDRESS % (number + 1)
        self._port = LINK % number

    def argv(self, *command):
        """Return the command line that runs `command` on this machine."""
        return self._network.enter(self._pid) + list(command)

    def popen(self, command, **how):
        """Start a command on this machine; return a `subprocess.Popen`."""
        process, there = subprocess.Popen(self.argv(*command), **how), namespace_of(self._pid)
        while process.poll() is None and namespace_of(process.pid) != there:
            time.sleep(0.005)  # before it has entered, it cannot be seen or ended there
        return process

    def link(self, up):
        """Take the link to the bridge up or down; down, packets are lost and nobody is told."""
        self._network.change('ip', 'link', 'set', self._port, 'up' if up else 'down')

    def shape(self, rate=None):
        """Give the link `rate` bits a second, each way; None: no limit.

        Raises NotTried if the kernel has no tbf, which limits.
        """
        for pid, device in [(None, self._port), (self._pid, 'eth0')]:
            with contextlib.suppress(NotTried):  # there was none
                self._network.change('tc', 'qdisc', 'del', 'dev', device, 'root', pid=pid)
            if rate:
                burst = max(2 ** 17, int(rate / 8 * BURST))  # up to 64 KiB come as one packet
                self._network.change('tc', 'qdisc', 'add', 'dev', device, 'root', 'tbf', 'rate',
                                     '%dbit' % rate, 'burst', str(burst), 'latency', QUEUE, pid=pid)

    def processes(self):
        """Return the pids of the processes that run on this machine."""
        return processes_in([namespace_of(self._pid)], but=[self._pid])


def node_options(machines, k):
    """Return the options that tell `gluonblocks train` on the machine `k` of all `machines`."""
    if len(machines) == 1:
        return []
    return ['--nodes', str(len(machines)), '--master', '%s:%d' % (machines[0].address, PORT),
            '--node-rank', str(k)]


class Network:
    """`count` `machines`, each linked to one bridge; a context. NotTried says what is missing."""

    def __init__(self, count):
        missing = [name for name in ('ip', 'tc', 'nsenter', 'unshare')
                   if not shutil.which(name, path=_environment()['PATH'])]
        if missing:
            raise NotTried('no command %s, of iproute2 and util-linux' % ', '.join(missing))
        self._user = os.geteuid() != 0
        self._keeper = subprocess.Popen(
            [*UNSHARE, *['--map-root-user'] * self._user, sys.executable, '-m',
             'tools.attacks.network', str(count)], cwd=ROOT, env=_environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True)  # without this Ctrl-C
        line = self._keeper.stdout.readline()
        if not line:
            said = self._keeper.communicate()[1].strip()
            raise NotTried('no network namespaces: %s' % (said or 'no reason was given'))
        made = json.loads(line)
        self._bridge = made['bridge']
        self.machines = [Machine(self, k, pid) for k, pid in enumerate(made['machines'])]

    def enter(self, pid):
        """Return the words before a command that run it in the namespaces of a process."""
        # In a user namespace groups cannot be set, which nsenter would try.
        user = ['--user', '--preserve-credentials'] if self._user else []
        return ['nsenter', '--target', str(pid), *user, '--net', '--uts', '--']

    def change(self, *command, pid=None):
        """Run `ip` or `tc` on the bridge's side, or in the namespaces of `pid`; NotTried: fails."""
        done = subprocess.run(self.enter(pid or self._bridge) + list(command), env=_environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise NotTried('%s: %s' % (' '.join(command), done.stdout.strip()))

    def processes(self):
        """Return the pids of the processes on all machines."""
        return [pid for machine in self.machines for pid in machine.processes()]

    def close(self):
        """End the machines and whatever runs on them."""
        self._keeper.communicate()  # it waits for the end of its stdin

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def namespace_of(pid):
    """Return the network namespace of a process, in a word; '' if it has ended or is another's."""
    try:
        return os.readlink('/proc/%d/ns/net' % pid)
    except OSError:
        return ''


def processes_in(namespaces, but=()):
    """Return the pids of the processes in network namespaces, without those that have ended."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir('/proc')))
            if pid not in but and namespace_of(pid) in namespaces]


def _environment():
    path = os.environ.get('PATH', os.defpath) + ':/usr/sbin:/sbin'
    return dict(os.environ, PATH=path, LC_ALL='C')


# The keeper.

HOLD = 'import socket, sys; socket.sethostname(sys.argv[1]); print(flush=True); sys.stdin.read()'


def keep(count):
    """Make `count` machines, write their pids as JSON, and end them at the end of stdin."""
    holders = [subprocess.Popen(
        [*UNSHARE, sys.executable, '-c', HOLD, NAME % k], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE) for k in range(count)]
    machines = [holder.pid for holder in holders]
    for holder in holders:
        holder.stdout.readline()  # it is there
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
    """Make the bridge, and link each machine to it."""
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
