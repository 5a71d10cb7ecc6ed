"""All-reduce, all-gather and broadcast over a ring of processes, summing in a fixed order."""
import concurrent.futures
import contextlib
import socket
import time

import numpy as np
from mxnet import nd

BUCKET = 2 ** 20  # maximum number of values in a bucket; a larger gradient gets its own bucket
RETRY = 0.5  # seconds between attempts to connect to the next process
HANDSHAKE = 5.0  # seconds within which a new connection must send the secret


def join_ring(listener, addresses, rank, secret):
    """Connect process `rank` to its neighbours in the ring, and return its `Collectives`.

    All processes must call this function at the same time. `addresses` lists the (host, port) of
    every rank, and `listener` is this process's listening socket. All processes share `secret`
    (bytes); clients that do not send it are disconnected. The call blocks until both neighbours
    are connected. If this takes too long, the launcher kills all processes.
    """
    while True:
        try:
            after = socket.create_connection(addresses[(rank + 1) % len(addresses)])
            after.sendall(secret)
            break
        except OSError:
            time.sleep(RETRY)
    while True:
        before, _ = listener.accept()
        before.settimeout(HANDSHAKE)
        received = np.zeros(len(secret), np.uint8)
        with contextlib.suppress(OSError):
            _receive(before, received)
        if received.tobytes() == secret:
            before.settimeout(None)
            return Collectives(before, after, rank, len(addresses))
        before.close()


class Collectives:
    """Collective operations; all processes must make the same calls in the same order.

    `rank` is the rank of this process, from 0 to `world_size` - 1. `before` and `after` are sockets
    connected to the previous and the next rank in the ring. If another process is lost, operations
    block until the launcher, which reports the loss, kills this process.
    """

    def __init__(self, before, after, rank, world_size):
        after.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._before, self._after, self.rank, self.world_size = before, after, rank, world_size
        self._sender, self._adder = (concurrent.futures.ThreadPoolExecutor(1) for _ in range(2))

    def all_gather(self, content):
        """Return a list of every rank's `content` (bytes), in rank order."""
        rows = {self.rank: content}
        for k in range(self.rank, self.rank - self.world_size + 1, -1):  # the row to pass on
            sent, length = rows[k % self.world_size], np.empty(1, np.int64)
            self._exchange(np.array([len(sent)], np.int64), length)
            received = np.empty(length[0], np.uint8)
            self._exchange(sent, received)
            rows[(k - 1) % self.world_size] = received.tobytes()
        return [rows[k] for k in range(self.world_size)]

    def broadcast(self, content=b''):
        """Broadcast rank 0's `content` (bytes), and return it on every rank."""
        return self.all_gather(content if self.rank == 0 else b'')[0]

    def all_reduce(self, gradients, flag=0):
        """Replace each NDArray in `gradients` with its float32 sum over all processes.

        The integer `flag` is sent with the gradients, and its sum over all processes is returned.
        """
        pending = []
        for bucket in make_buckets([gradient.size for gradient in gradients]):
            parts = [gradients[i].reshape(-1).astype('float32', copy=False) for i in bucket]
            parts.append(nd.array([flag], ctx=parts[0].context))
            values = nd.concat(*parts, dim=0).asnumpy()  # while MXNet computes other gradients
            pending.append((bucket, values, self._adder.submit(self._sum, values)))
        for bucket, values, adding in pending:
            adding.result()
            start = 0
            for i in bucket:
                shape = gradients[i].shape
                stop = start + int(np.prod(shape))
                gradients[i][:] = values[start:stop].reshape(shape)
                start = stop
        return int(values[-1])

    def _sum(self, values):
        """Replace `values`, a float32 array of shape (n,), with its sum over all processes.

        The values are split into one chunk per rank. Chunk k starts at rank k and travels around
        the ring of processes, each of which adds its own values. A second trip delivers the sum to
        every process.
        """
        n, chunks = self.world_size, np.array_split(values, self.world_size)
        for k in range(self.rank, self.rank - n + 1, -1):
            chunk = chunks[(k - 1) % n]
            received = np.empty_like(chunk)
            self._exchange(chunks[k % n], received)
            chunk += received
        for k in range(self.rank + 1, self.rank - n + 2, -1):
            self._exchange(chunks[k % n], chunks[(k - 1) % n])

    def _exchange(self, sent, received):
        """Send `sent` to the next rank while filling `received` from the previous rank."""
        try:
            sending = self._sender.submit(self._after.sendall, sent)
            _receive(self._before, received)
            sending.result()
        except OSError:
            while True:  # until the launcher kills this process
                time.sleep(RETRY)


def _receive(sock, array):
    """Fill `array` with bytes from a socket; raise OSError if the connection closes too early."""
    rest = array.view(np.uint8)
    while len(rest):
        count = sock.recv_into(rest)
        if not count:
            raise ConnectionError('the other process closed the connection')
        rest = rest[count:]


def make_buckets(sizes, limit=BUCKET):
    """Group gradients of these `sizes` into buckets; return a list of index lists, one per bucket.

    Consecutive gradients share a bucket, because a few large sums are faster than many small ones.
    The last gradients form the first bucket: the backward pass computes them first, so they are
    sent while MXNet is still computing the others.
    """
    buckets, space = [], 0
    for i in reversed(range(len(sizes))):
        if sizes[i] > space:
            buckets.append([])
            space = limit
        buckets[-1].append(i)
        space -= sizes[i]
    return buckets
