"""A group of training processes, each of which handles one shard of every batch."""
import hashlib
import os
import signal
import socket
import sys

import numpy as np
from mxnet import gluon, nd

from ..training.interrupt import DeferredInterrupt
from .collectives import join_ring
from .connection import Member


class WorkersDiffer(ArithmeticError):
    """Raised if the weights or running statistics are not identical on all ranks."""


class ProcessGroup:
    """A process group as seen from this process; pass it to `train_ch5(..., workers=...)`.

    The constructor waits for a job from the launcher, and exits if no launcher started this
    process. Pass `shard`, (rank, world size), to the data loader. Call `join` before the first
    training step.
    """

    def __init__(self, member=None):
        self.member = member or Member.of_environment()
        message = self.member.wait_for('job')
        self.job, self.rank, self.world_size, self.local_rank, self._address = (
            message[name] for name in ('job', 'rank', 'world_size', 'local_rank', 'address'))
        self._interrupt = None
        self.mark('loading')

    @property
    def shard(self):
        return self.rank, self.world_size

    def devices(self, devices):
        """Return a list with this rank's device, which is chosen round-robin from `devices`."""
        return [devices[self.local_rank % len(devices)]]

    def join(self, facts=dict):
        """Wait for all ranks, and join the ring. `facts()` must return equal dicts on all ranks."""
        self.facts = facts()
        with socket.create_server((self._address, 0)) as listener:
            self.member.send('ready', facts=self.facts, address=listener.getsockname())
            go = self.member.wait_for('go')
            self.mark('connecting')
            self.collectives = join_ring(listener, [tuple(address) for address in go['ring']],
                                         self.rank, go['secret'].encode())
        self.mark()

    def trainer(self, params, optimizer, optimizer_params=None):
        """Return a `gluon.Trainer` that all-reduces gradients; every rank must take every step."""
        return GroupTrainer(params, optimizer, optimizer_params, self)

    def interrupt(self):
        """Return a `DeferredInterrupt` that stops all ranks after the same step."""
        self._interrupt = _GroupInterrupt(self)
        return self._interrupt

    def all_gather(self, content):
        """Return a list of every rank's `content` (bytes), in rank order."""
        return self.collectives.all_gather(content)

    def broadcast(self, content=b''):
        """Broadcast rank 0's `content` (bytes), and return it on every rank."""
        return self.collectives.broadcast(content)

    def all_reduce(self, *values):
        """Sum each value over all ranks, in rank order, in double precision; return the sums."""
        rows = self.all_gather(np.array(values, 'float64').tobytes())
        return tuple(sum(column) for column in zip(*(np.frombuffer(row).tolist() for row in rows)))

    def synchronize(self, net, num_images):
        """Average the running statistics over the ranks, and check that all nets are identical.

        Each rank's statistics are weighted by `num_images`, the number of images that they were
        computed from. Raises WorkersDiffer if the nets are not bit-identical afterwards.
        """
        own = np.append(float(num_images), read_statistics(net))
        rows = [np.frombuffer(row) for row in self.all_gather(own.tobytes())]
        set_statistics(net, merge_statistics([row[1:] for row in rows], [row[0] for row in rows]))
        digest = hashlib.sha256()
        for _, param in sorted(net.collect_params().items()):
            digest.update(param.list_data()[0].asnumpy().data)
        digests = self.all_gather(digest.digest())
        others = [k for k, other in enumerate(digests) if other != digests[0]]
        self.mark('busy')  # because an evaluation may take longer than a step
        if others:
            raise WorkersDiffer('after step %d, the weights of worker %s differ from those of '
                                'worker 0' % (self.member.step, ', '.join(map(str, others))))

    def all_reduce_gradients(self, gradients):
        """All-reduce `gradients`, along with a flag that requests a stop after the current step."""
        self.mark('training', self.member.step + 1)  # the current step
        stop = self.collectives.all_reduce(gradients, int(self.member.stop_requested))
        if stop and self._interrupt:
            self._interrupt.pending = signal.SIGINT  # all ranks stop before the next batch

    def mark(self, phase='training', step=None):
        """Record progress for the next heartbeat: the phase and, if given, the step."""
        self.member.set_mark(phase, step)

    def end(self, kind='done', code=0, **content):
        """Send the launcher a final message of this `kind`, and exit with `code`.

        Python's cleanup is skipped, because MXNet may abort during it if other threads are running.
        """
        nd.waitall()
        sys.stdout.flush()
        sys.stderr.flush()
        self.member.send(kind, **content)
        os._exit(code)


class GroupTrainer(gluon.Trainer):
    """A `gluon.Trainer` that replaces gradients with their sums over a `ProcessGroup`.

    Each rank uses one device, and updates its own copy of the weights with the same sums. The class
    overrides a private method of `Trainer`, and is tested with MXNet 1.7 to 1.9.
    """

    def __init__(self, params, optimizer, optimizer_params, group):
        super().__init__(params, optimizer, optimizer_params, kvstore=None)
        self._group = group

    def _allreduce_grads(self):
        self._group.all_reduce_gradients([param.list_grad()[0] for param in self._params
                                          if param.grad_req != 'null'])


class _GroupInterrupt(DeferredInterrupt):
    """A `DeferredInterrupt` that stops all ranks after the same step.

    The interrupted rank sends a flag with its gradients, because the other ranks would wait forever
    if it stopped alone.
    """

    def __init__(self, group):
        super().__init__()
        self._group = group

    def _note(self, number, frame):
        self._group.member.stop_requested = True

    def check(self):
        self._group.mark()  # count the batch as progress
        super().check()


def statistics_of(net):
    """Return a list of the parameters of `net` that have no gradient, such as running averages.

    Frozen weights are excluded, because they never change.
    """
    return [param for param in net.collect_params().values()
            if param.grad_req == 'null' and not getattr(param, 'frozen', False)]


def read_statistics(net):
    """Return the values of `statistics_of(net)` as one float32 array of shape (n,)."""
    nd.waitall()
    arrays = [param.list_data()[0].asnumpy().reshape(-1) for param in statistics_of(net)]
    return np.concatenate([np.zeros(0), *arrays]).astype(np.float32)


def set_statistics(net, values):
    """Set the running statistics of `net` to `values`, as returned by `read_statistics`."""
    start = 0
    for param in statistics_of(net):
        stop = start + int(np.prod(param.shape))
        param.set_data(nd.array(values[start:stop].reshape(param.shape), dtype=param.dtype))
        start = stop


def merge_statistics(rows, num_images):
    """Average `rows`, one array of statistics per rank, weighted by `num_images`."""
    if not sum(num_images):
        return np.asarray(rows[0], np.float32)
    return np.average(np.asarray(rows, 'float64'), axis=0, weights=num_images).astype(np.float32)
