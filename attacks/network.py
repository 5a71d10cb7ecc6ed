"""Several machines on one: Linux network namespaces on a bridge, with addresses and links.

    with Network(3) as network:                       # NotTried where they cannot be made
        first = network.machines[0]                   # .name 'node0', .address '10.77.0.1'
        process = first.popen(['ip', 'addr'])         # a command there: subprocess.Popen's options
        first.shape(rate=10 ** 9)                     # bits a second, each way
        first.link(up=False)                          # as if its cable were pulled
        first.processes()                             # pids of what runs there

Nothing of the host's network is touched, and no root is needed where the kernel lets users have
namespaces. They have no names and belong to processes: these, and whatever runs in them, are ended
at the context's end, and by the keeper where this process is killed.
"""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from .sandbox import NotTried

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ADDRESS = '10.77.0.%d'
BURST = 1e-3  # seconds of its rate that a link may send at once
QUEUE = '50ms'  # of packets that wait for a link, the others are dropped


class Machine:
    """A network namespace, which its process `pid` holds; of `network`, number `number`."""

    def __init__(self, network, number, pid):
        self._network, self._pid, self.number = network, pid, number
        self.name, self.address = name_of(number), ADDRESS % (number + 1)

    def argv(self, *command):
        """The command line that runs `command` on this machine, in the process that it starts."""
        return self._network.enter(self._pid) + list(command)

    def popen(self, command, **how):
        """Start a command on this machine; a `subprocess.Popen`."""
        process, there = subprocess.Popen(self.argv(*command), **how), namespace_of(self._pid)
        while process.poll() is None and namespace_of(process.pid) != there:
            time.sleep(0.005)  # until it is there, nothing of it can be told or ended
        return process

    def link(self, up):
        """Take the link to the bridge up or down; down, packets are lost and nobody is told."""
        self._network.change('ip', 'link', 'set', self._port, 'up' if up else 'down')

    def shape(self, rate=None, delay=None):
        """Give the link `rate` bits a second and `delay` seconds, each way; None: no limit.

        Raises NotTried where the kernel has no netem, which delays, or no tbf, which limits.
        """
        for run, device in [(self._network.change, self._port), (self._change, 'eth0')]:
            with contextlib.suppress(NotTried):  # there was none
                run('tc', 'qdisc', 'del', 'dev', device, 'root')
            parent = ['root']
            if rate:
                # Up to 64 KiB come as one packet.
                burst = max(2 ** 17, int(rate / 8 * BURST))
                run('tc', 'qdisc', 'add', 'dev', device, *parent, 'handle', '1:', 'tbf', 'rate',
                    '%dbit' % rate, 'burst', str(burst), 'latency', QUEUE)
                parent = ['parent', '1:1']
            if delay:
                run('tc', 'qdisc', 'add', 'dev', device, *parent, 'handle', '2:', 'netem',
                    'delay', '%dus' % round(delay * 1e6), 'limit', '100000')

    def processes(self):
        """The pids of the processes that run on this machine, without the one that holds it."""
        return processes_in([namespace_of(self._pid)], but=[self._pid])

    @property
    def _port(self):
        return port_of(self.number)

    def _change(self, *command):
        self._network.change(*command, pid=self._pid)


class Network:
    """`count` `machines`, each linked to one bridge; a context. NotTried says what is lacking."""

    def __init__(self, count):
        lacking = [name for name in ('ip', 'tc', 'nsenter') if not shutil.which(name, path=_path())]
        if lacking:
            raise NotTried('no command %s, of iproute2 and util-linux' % ', '.join(lacking))
        self._keeper = subprocess.Popen(
            [sys.executable, '-m', 'attacks.keeper', str(count)], cwd=ROOT, env=_environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True)  # Ctrl-C is for who uses the network, and closes it
        line = self._keeper.stdout.readline()
        if not line:
            said = self._keeper.communicate()[1].strip()
            raise NotTried('no network namespaces: %s' % (said or 'no reason was given'))
        told = json.loads(line)
        self._bridge, self._user = told['bridge'], told['user']
        self.machines = [Machine(self, k, pid) for k, pid in enumerate(told['machines'])]

    def enter(self, pid):
        """What, before a command, has it run in the namespaces of a process."""
        # In a user namespace groups cannot be set, which nsenter would try.
        user = ['--user', '--preserve-credentials'] if self._user else []
        return [shutil.which('nsenter', path=_path()), '--target', str(pid), *user, '--net',
                '--uts', '--']

    def change(self, *command, pid=None):
        """Run `ip` or `tc` on the bridge's side, or in the namespaces of `pid`; NotTried: fails."""
        done = subprocess.run(self.enter(pid or self._bridge) + list(command), env=_environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise NotTried('%s: %s' % (' '.join(command), done.stdout.strip()))

    def processes(self):
        """The pids of the processes on all machines."""
        return [pid for machine in self.machines for pid in machine.processes()]

    def close(self):
        """End whatever runs on the machines, and them."""
        self._keeper.communicate()  # the end of its stdin is what it waits for

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def name_of(number):
    """The host name of a machine."""
    return 'node%d' % number


def port_of(number):
    """The bridge's side of a machine's link."""
    return 'port%d' % number


def namespace_of(pid):
    """The network namespace of a process, in a word; '' where it has ended or is another's."""
    try:
        return os.readlink('/proc/%d/ns/net' % pid)
    except OSError:
        return ''


def processes_in(namespaces, but=()):
    """The pids of the processes in network namespaces, those that have ended left out."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir('/proc')))
            if pid not in but and namespace_of(pid) in namespaces]


def end_all(namespaces, but=()):
    """End whatever runs in network namespaces, by SIGKILL, until nothing does."""
    while True:
        pids = processes_in(namespaces, but)
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _path():
    return os.environ.get('PATH', os.defpath) + ':/usr/sbin:/sbin'


def _environment():
    return dict(os.environ, PATH=_path(), LC_ALL='C')
