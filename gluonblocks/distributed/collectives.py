"""All-reduce, all-gather and broadcast over a ring of processes, with a fixed order of sums."""
import concurrent.futures
import contextlib
import socket
import time

import numpy as np
from mxnet import nd

BUCKET = 2 ** 20  # maximum number of values in a bucket, unless a single gradient has more
RETRY = 0.5  # seconds between attempts to reach the next process
STRANGER = 5.0  # seconds within which a new connection must send the secret


def join_ring(listener, addresses, rank, secret):
    """Connect process `rank` to its neighbours in the ring, and return its `Collectives`.

    All processes at `addresses` must call this at the same time. `listener` is the socket that
    listens at this process's address. `secret`, bytes, is the same for all; a connection that does
    not send it is closed. This blocks until the next process can be reached; if that takes too
    long, the launcher ends all processes.
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
        before.settimeout(STRANGER)
        received = np.zeros(len(secret), np.uint8)
        with contextlib.suppress(OSError):
            _receive(before, received)
        if received.tobytes() == secret:
            before.settimeout(None)
            return Collectives(before, after, rank, len(addresses))
        before.close()


class Collectives:
    """Collective operations of process `rank` of `world_size`; all must make the same calls.

    `before` and `after` are sockets connected to the previous and the next rank of the ring. If
    another process is lost, an operation never returns; the launcher reports the lost process and
    ends the others.
    """

    def __init__(self, before, after, rank, world_size):
        after.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._before, self._after, self.rank, self.world_size = before, after, rank, world_size
        self._sender, self._adder = (concurrent.futures.ThreadPoolExecutor(1) for _ in range(2))
        self._buckets = None

    def all_gather(self, content):
        """Return the list of every process's `content`, bytes, in the order of ranks."""
        rows = {self.rank: content}
        for k in range(self.rank, self.rank - self.world_size + 1, -1):  # the row received last
            sent, length = rows[k % self.world_size], np.empty(1, np.int64)
            self._exchange(np.array([len(sent)], np.int64), length)
            received = np.empty(length[0], np.uint8)
            self._exchange(sent, received)
            rows[(k - 1) % self.world_size] = received.tobytes()
        return [rows[k] for k in range(self.world_size)]

    def broadcast(self, content=b''):
        """Return the `content`, bytes, of rank 0."""
        return self.all_gather(content if self.rank == 0 else b'')[0]

    def all_reduce(self, gradients, flag=0):
        """Replace each of `gradients`, NDArrays, by its sum over all processes, in float32.

        Return the sum of the processes' integers `flag`, which are sent with the gradients.
        """
        if self._buckets is None:
            self._buckets = make_buckets([gradient.size for gradient in gradients])
        pending = []
        for bucket in self._buckets:
            parts = [gradients[i].reshape(-1).astype('float32', copy=False) for i in bucket]
            parts.append(nd.array([flag], ctx=parts[0].context))
            values = nd.concat(*parts, dim=0).asnumpy()  # while others are being computed
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
        """Replace `values`, float32 (n,), by their sums over all processes.

        Each chunk travels around the ring and is added up on the way, the first chunk from rank 0,
        the second from rank 1, and so on. Its sum then travels around the ring once more.
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
        """Send an array or bytes to the next rank, and fill an array from the rank before."""
        try:
            sending = self._sender.submit(self._after.sendall, sent)
            _receive(self._before, received)
            sending.result()
        except OSError:
            while True:  # until the launcher ends this process
                time.sleep(RETRY)


def _receive(sock, array):
    """Fill `array` with bytes from a socket; OSError if the connection ends earlier."""
    rest = array.view(np.uint8)
    while len(rest):
        count = sock.recv_into(rest)
        if not count:
            raise ConnectionError('the other process has closed the connection')
        rest = rest[count:]


def make_buckets(sizes, limit=BUCKET):
    """Return buckets, lists of the indices of consecutive gradients of these `sizes`, last first.

    Summing a few large arrays is faster than summing many small ones. The backward pass starts at
    the last layers, so their bucket is sent while other gradients are still being computed.
    """
    buckets, space = [], 0
    for i in reversed(range(len(sizes))):
        if sizes[i] > space:
            buckets.append([])
            space = limit
        buckets[-1].append(i)
        space -= sizes[i]
    return buckets
