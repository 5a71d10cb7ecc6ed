"""This process as one of the workers that share each batch of a training."""
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
    """The workers' nets, which must be one and the same, are not."""


class Workers:
    """What `train_ch5(..., workers=...)` asks of several: their sums, and one net for all.

    Made by a process that a launcher started, which it tells that it is there. `part`, (rank,
    number of workers), is for a data set's loader. `join` has to be called before the first step.
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
        """The one of `devices`, those of a run, that is this worker's: they are dealt out."""
        return [devices[self.number % len(devices)]]

    def join(self, facts=dict):
        """Meet the others, who must have the same `facts()`, a dict, and connect to them all."""
        self.facts = facts()
        self.member.tell('ready', facts=self.facts)
        cluster = Cluster(*self.member.wait_for('go')['cluster'])
        self.member.mark('connecting', 0)
        self.exchange = Exchange(join('worker', cluster), self.rank, self.num_workers)
        self.exchange.check()
        self.member.mark('training', 0)

    def trainer(self, params, optimizer, optimizer_params=None):
        """A `gluon.Trainer` that sums gradients over all workers, in every step of all."""
        return SumTrainer(params, optimizer, optimizer_params, self._sum_gradients)

    def interrupt(self):
        """As `DeferredInterrupt`, but all workers stop after the same step."""
        self._interrupt = _Together(self)
        return self._interrupt

    def gather(self, content):
        """The `content`, bytes, of every worker, in their order: a list, the same for all."""
        return self.exchange.gather(content)

    def first(self, content=b''):
        """The `content`, bytes, of the first worker, for all."""
        return self.exchange.first(content)

    def total(self, *numbers):
        """The sums of `numbers` over all workers, added in their order, in double precision."""
        code = '<%dd' % len(numbers)
        rows = [struct.unpack(code, row)
                for row in self.gather(struct.pack(code, *numbers))]
        return tuple(sum(column) for column in zip(*rows))

    def meet(self, net, num_images):
        """Merge the moving statistics, where this worker's are over `num_images`, and compare all.

        Raises WorkersDiffer where the nets are not, bit for bit, the same then.
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
        """One worker's statistics, bytes, of all `rows`: each a number of images, and its own."""
        counts = [np.frombuffer(row[:8])[0] for row in rows]
        values = [np.frombuffer(row[8:], np.float32).astype('float64') for row in rows]
        if self.merge_norms == 'first' or not sum(counts):
            return rows[0][8:]
        mean = sum(count * value for count, value in zip(counts, values)) / sum(counts)
        return mean.astype(np.float32).tobytes()

    def mark(self, phase='training', step=None):
        """Tell the launcher that this process goes on, and with what."""
        self.step = self.step if step is None else step
        self.member.mark(phase, self.step)

    def end(self, kind='done', code=0, **content):
        """Tell how this process ended, and end it.

        At once: MXNet would wait for all others, and abort for the threads that are left.
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
    """Stops all workers after the same step: who is asked to tells the others with its gradients.

    One that stopped alone would leave the others waiting for it.
    """

    def __init__(self, workers):
        super().__init__()
        self._workers, self._signum = workers, 0

    @property
    def asked(self):
        return self._signum or self._workers.member.stop_asked

    def agreed(self):
        """All are to stop before their next batch."""
        self.pending = self._signum or 2

    def _note(self, number, frame):
        self._signum = number

    def check(self):
        self._workers.mark()  # between two batches: a sign of life
        super().check()
