"""This process as one of several workers, each of which computes a shard of every batch."""
import hashlib
import os
import struct
import sys

import numpy as np
from mxnet import nd

from ..training.interrupt import DeferredInterrupt
from .cluster import Cluster, join
from .exchange import Exchange
from .member import Member
from .statistics import set_statistics, statistics_bytes, statistics_of
from .trainer import SumTrainer

AHEAD = 3  # steps after which a word is read: it has come by then, so nobody waits for it
MERGES = ('mean', 'first')  # whose moving statistics the net gets


class WorkersDiffer(ArithmeticError):
    """The weights or statistics of the workers' nets differ, but must be equal."""


class Workers:
    """This worker's view of all workers, for `train_ch5(..., workers=...)`.

    Only a process that a launcher started can create it; it waits for the launcher's job. `part`,
    (rank, world size), is for the loader of a data set. Call `join` before the first step.
    """

    def __init__(self, member=None):
        self.member = member or Member.of_environment()
        message = self.member.wait_for('job')
        self.job, self.rank, self.num_workers, self.number = (
            message[name] for name in ('job', 'rank', 'num_workers', 'number'))
        self.merge_norms, self.step = 'mean', 0
        self._waiting, self._interrupt = [], None
        self.member.mark('loading', 0)

    @property
    def part(self):
        return self.rank, self.num_workers

    def devices(self, devices):
        """Return a list of the one device of this worker, dealt from a machine's `devices`."""
        return [devices[self.number % len(devices)]]

    def join(self, facts=dict):
        """Wait for all workers, whose `facts()`, a dict, must be the same, and connect to them."""
        self.facts = facts()
        self.member.tell('ready', facts=self.facts)
        cluster = Cluster(*self.member.wait_for('go')['cluster'])
        self.member.mark('connecting', 0)
        self.exchange = Exchange(join('worker', cluster), self.rank, self.num_workers)
        self.exchange.check()
        self.member.mark('training', 0)

    def trainer(self, params, optimizer, optimizer_params=None):
        """Return a `gluon.Trainer` that all-reduces gradients; all workers must make every step."""
        return SumTrainer(params, optimizer, optimizer_params, self._sum_gradients)

    def interrupt(self):
        """Return a `DeferredInterrupt` that stops all workers after the same step."""
        self._interrupt = _Together(self)
        return self._interrupt

    def gather(self, content):
        """All-gather: return the list of every worker's `content`, bytes, in the order of ranks."""
        return self.exchange.gather(content)

    def first(self, content=b''):
        """Broadcast: return the `content`, bytes, of rank 0."""
        return self.exchange.first(content)

    def total(self, *numbers):
        """Return the sums of `numbers` over all workers, in double precision and rank order."""
        code = '<%dd' % len(numbers)
        rows = [struct.unpack(code, row)
                for row in self.gather(struct.pack(code, *numbers))]
        return tuple(sum(column) for column in zip(*rows))

    def meet(self, net, num_images):
        """Merge the running statistics, this worker's being over `num_images`, and compare nets.

        Raises WorkersDiffer unless all nets are bit for bit the same then.
        """
        if statistics_of(net):
            set_statistics(net, self.merged(self.gather(
                np.float64(num_images).tobytes() + statistics_bytes(net))))
        digest = hashlib.sha256()
        for _, param in sorted(net.collect_params().items()):
            digest.update(param.list_data()[0].asnumpy().data)
        digests = self.gather(digest.digest())
        others = [k for k, other in enumerate(digests) if other != digests[0]]
        self.mark('busy')  # evaluating may take longer than a step
        if others:
            raise WorkersDiffer('after step %d the weights of worker %s are not those of worker 0'
                                % (self.step, ', '.join(map(str, others))))

    def merged(self, rows):
        """Return the merged statistics, bytes, of `rows`, one of each rank.

        A row is the number of images, a double, before that rank's `statistics_bytes`.
        """
        counts = [np.frombuffer(row[:8])[0] for row in rows]
        values = [np.frombuffer(row[8:], np.float32).astype('float64') for row in rows]
        if self.merge_norms == 'first' or not sum(counts):
            return rows[0][8:]
        mean = sum(count * value for count, value in zip(counts, values)) / sum(counts)
        return mean.astype(np.float32).tobytes()

    def mark(self, phase='training', step=None):
        """Note progress for the next heartbeat: the phase, and the step unless it is the same."""
        self.step = self.step if step is None else step
        self.member.mark(phase, self.step)

    def end(self, kind='done', code=0, **content):
        """Tell the launcher how this process ended, and end it with exit code `code`.

        It ends at once: MXNet would wait for the other workers, and abort because of our threads.
        """
        nd.waitall()
        sys.stdout.flush()
        sys.stderr.flush()
        self.member.tell(kind, **content)
        os._exit(code)

    def _sum_gradients(self, gradients, mean):
        self.mark('training', self.step + 1)  # which says that this step is under way
        wanted = self._interrupt is not None and self._interrupt.asked
        self._waiting.append(self.exchange.sum_gradients(gradients, mean, int(wanted)))
        if len(self._waiting) > AHEAD and self._waiting.pop(0).asscalar():
            if self._interrupt is not None:
                self._interrupt.agreed()


class _Together(DeferredInterrupt):
    """Stops all workers after the same step: the one that is asked tells them with its gradients.

    If it stopped alone, the others would wait for it.
    """

    def __init__(self, workers):
        super().__init__()
        self._workers, self._signum = workers, 0

    @property
    def asked(self):
        return self._signum or self._workers.member.stop_asked

    def agreed(self):
        """Stop before the next batch, as all workers do."""
        self.pending = self._signum or 2

    def _note(self, number, frame):
        self._signum = number

    def check(self):
        self._workers.mark()  # between two batches: a sign of life
        super().check()
