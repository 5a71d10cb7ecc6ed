"""Machines to measure on: network namespaces with links, or this one alone where there are none."""
import contextlib
import json
import os
import subprocess
import sys
import tempfile

from tools.attacks.network import Network
from tools.attacks.sandbox import NotTried

from ..workers import ROOT, WorkerError, environment
from .model import Link

PORT = 29400
PROBE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'probe.py')
PROBED = 0.4  # seconds in which a link is filled


class Machines:
    """`count` machines, a context. `lacking` says what could not be had, a line each.

    `links` are the bits a second that the links are to have, in turn, None first: no limit; it
    has only that one where links cannot be shaped. `round_trip`, seconds, is added to each that
    has a limit.
    """

    def __init__(self, count, rates, round_trip=0.0):
        self._stack, self.lacking, self._network = contextlib.ExitStack(), [], None
        self._count, self.links = count, [None]
        self._delay = round_trip / 4  # a packet waits in two queues each way
        try:
            self._network = self._stack.enter_context(Network(count))
        except NotTried as error:
            self.lacking.append('%s: measured over loopback, whose bytes are those of all machines '
                                'together, and without limits' % error)
            return
        first = self._network.machines[0]
        try:
            first.shape(rates[0])
            self.links += rates
            first.shape(rates[0], self._delay)
        except NotTried as error:
            self._delay = 0.0
            self.lacking.append('links have %s: tbf or netem, of the kernel, is missing? (%s)' % (
                'the round trip that they have anyway' if self.links[1:] else 'no limit', error))

    @property
    def apart(self):
        """Whether they are machines with links, and not all this one."""
        return self._network is not None

    def shape(self, rate):
        """Give all links a rate; the `Link` that it comes to, measured, or None without a rate."""
        for machine in self._network.machines if self.apart else ():
            machine.shape(rate, self._delay if rate else None)
        return self._probe() if rate else None

    def _probe(self):
        first, second = self._network.machines[:2]
        with _python(first, PROBE, 'listen', first.address) as listener:
            listener.stdout.readline()
            with _python(second, PROBE, 'ask', first.address, str(PROBED)) as asker:
                trip = asker.stdout.readline()
            bandwidth = trip and listener.stdout.readline()
        if not bandwidth:
            raise WorkerError('the link of %s to %s could not be measured' % (second.name,
                                                                              first.name))
        return Link(json.loads(bandwidth), json.loads(trip))

    def measure(self, job, num_servers, cpus):
        """Have a cluster, a worker on each machine, do a `job` (see `worker`): its result, with
        the 'link' that was measured beside each of its 'links'."""
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as ending:
            spec = {'job': dict(job, folder=folder, links=len(self.links),
                                device='eth0' if self.apart else 'lo'),
                    'workers': self._count, 'servers': num_servers, 'cpus': None}
            nodes = [ending.enter_context(node) for node in self._nodes(spec, cpus, folder)]
            found = self._serve(nodes[0].stdout, folder)
            _check([node.wait() for node in nodes], folder)
            with open(os.path.join(folder, 'result.json')) as f:
                result = json.load(f)
        for of_link, link, rate in zip(result['links'], found, self.links):
            of_link.update(link=link, rate=rate)
        return result

    def _nodes(self, spec, cpus, folder):
        for rank in range(self._count if self.apart else 1):
            spec = dict(spec)
            if self.apart:
                spec.update(rank=rank, nodes=self._count, cpus=cpus[rank],
                            master=[self._network.machines[0].address, PORT])
            argv = [sys.executable, '-m', 'benchmarks.wire.node', json.dumps(spec)]
            if self.apart:
                argv = self._network.machines[rank].argv(*argv)
            yield _Ended(argv, open(_said(folder, rank), 'w'))

    def _serve(self, lines, folder):
        """Shape the links whenever the first worker asks for it; what was measured of them."""
        found = []
        for line in lines:
            if line.startswith('link '):
                number = int(line.split()[1])
                found.append(self.shape(self.links[number]))
                open(os.path.join(folder, 'go-%d' % number), 'w').close()
        return found

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._stack.close()


class _Ended(subprocess.Popen):
    """A process that is ended with its context."""

    def __init__(self, argv, stderr):
        with stderr:
            super().__init__(argv, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=stderr, text=True)

    def __exit__(self, *exception):
        self.kill()
        super().__exit__(*exception)


def _python(machine, *arguments):
    return _Ended(machine.argv(sys.executable, *arguments), open(os.devnull, 'w'))


def _said(folder, rank):
    return os.path.join(folder, 'said-%d' % rank)


def _check(codes, folder):
    """WorkerError with the last line of each machine that failed, the same only once."""
    said = {}
    for rank, code in enumerate(codes):
        if code:
            with open(_said(folder, rank), errors='replace') as f:
                lines = f.read().strip().splitlines()
            said.setdefault(lines[-1] if lines else 'it ended with exit code %d' % code, rank)
    if said:
        raise WorkerError('; '.join('machine %d: %s' % (rank, line)
                                    for line, rank in said.items()))


def cpus_of(count, cpus):
    """The CPUs of each of `count` machines: shares of `cpus` without a common one, or, where there
    are fewer than machines, one for each in turn."""
    if count > len(cpus):
        return [[cpus[k % len(cpus)]] for k in range(count)]
    return [cpus[k * len(cpus) // count:(k + 1) * len(cpus) // count] for k in range(count)]
