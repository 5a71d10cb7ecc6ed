"""All-reduce, all-gather and broadcast over MXNet's KVStore, the same in any order of arrival."""
import numpy as np
from mxnet import nd

FRACTION = 40  # bits after the point of a mean gradient, if three or more are summed
PIECE = 2 ** 17  # values of a message that travel at once
BUCKET = 2 ** 20  # values in a bucket of gradients, unless one gradient alone has more


class Collectives:
    """The collective operations of process `rank` of `world_size`; all must call the same ones.

    `kv` is a KVStore of the type dist_sync. Its server adds in the order of arrival, which decides
    the last bits of a sum of three or more floating point numbers. So only values are sent whose
    sum is the same in any order: two of them, or integers that are small enough.
    """

    def __init__(self, kv, rank, world_size):
        self._kv, self.rank, self.world_size = kv, rank, world_size
        self._keys, self._buckets = set(), None

    def all_gather(self, content):
        """Return the list of every process's `content`, bytes, in the order of ranks."""
        lengths = self._lengths(content)
        words = _words(content, max(lengths))
        rows = np.zeros((self.world_size, len(words)), np.uint16)
        rows[self.rank] = words
        return [row.tobytes()[:length] for row, length in zip(
            self._sum(rows.reshape(-1)).reshape(rows.shape), lengths)]

    def broadcast(self, content=b''):
        """Return the `content`, bytes, of rank 0."""
        length = self._lengths(content)[0]
        return self._sum(_words(content if self.rank == 0 else b'', length)).tobytes()[:length]

    def _lengths(self, content):
        lengths = np.zeros(self.world_size, np.int64)
        lengths[self.rank] = len(content)
        return self._sum(lengths.view(np.uint16)).view(np.int64).tolist()

    def _sum(self, words):
        """Return the sum over all processes of `words`, uint16 (m,), zero except on one of them."""
        done = []
        for start in range(0, len(words), PIECE):
            piece = words[start:start + PIECE].astype('float32')
            width = 1 << (len(piece) - 1).bit_length()  # each width is a key: there are few
            array = nd.array(np.pad(piece, (0, width - len(piece))))
            self._push_pull('message%d' % width, array)
            done.append(array.asnumpy()[:len(piece)].astype(np.uint16))
        return np.concatenate(done) if done else words

    def check(self):
        """Raise RuntimeError unless sums of doubles are exact, which three or more processes need.

        A server of MXNet 1.9 may add in single precision: its field multi_precision_ is not
        initialized. `server_environment` has its memory start as zeros, if the C library is glibc.
        """
        if self.world_size < 3:
            return
        array = nd.array([2.0 ** 40 + 1], dtype='float64')
        self._push_pull('check', array)
        if array.asscalar() != self.world_size * (2.0 ** 40 + 1):
            raise RuntimeError('a server adds doubles in single precision, so the sum over %d '
                               'workers would depend on the order of arrival: start again, with '
                               'two workers, or on a system with glibc' % self.world_size)

    def all_reduce(self, gradients, mean, flag=0):
        """Set each of `gradients`, NDArrays, to its sum over all processes, without waiting for it.

        `mean` is the factor of a sum in the update, such as 1 / batch size. Return an NDArray (1,),
        the sum of the processes' integers `flag`, which travels with the gradients.

        With three processes or more a gradient times `mean` is rounded to a multiple of a number
        from 2**-40 to 2**-39. The sum is exact while it, and each part of it, is below 2**13 after
        that multiplication; beyond that its last bits may depend on the order.
        """
        if self._buckets is None:
            self._buckets = make_buckets([gradient.size for gradient in gradients])
        dtype, scale = 'float32', 1.0
        if self.world_size > 2:
            dtype, scale = 'float64', 2.0 ** (FRACTION + np.frexp(mean)[1] - 1)
        for number, bucket in enumerate(self._buckets):
            parts = [gradients[i].reshape(-1).astype(dtype, copy=False) for i in bucket]
            parts.append(nd.array([flag / scale], ctx=parts[0].context, dtype=dtype))
            array = nd.concat(*parts, dim=0)
            if dtype == 'float64':
                array *= scale
                nd.round(array, out=array)
            self._push_pull('gradients%d' % number, array, priority=-number)
            if dtype == 'float64':
                array *= 1 / scale
            start = 0
            for i in bucket:
                gradients[i][:] = array[start:start + gradients[i].size].reshape(gradients[i].shape)
                start += gradients[i].size
        return array[start:] * scale

    def _push_pull(self, key, array, priority=0):
        """Set `array` to its sum over all processes, without waiting."""
        if key not in self._keys:
            # All come here in the same order. MXNet waits for all before init returns.
            self._kv.init(key, nd.zeros_like(array))
            self._keys.add(key)
        self._kv.push(key, array, priority=priority)
        self._kv.pull(key, out=array, priority=priority)


def make_buckets(sizes, limit=BUCKET):
    """Return lists of the indices of consecutive gradients of these `sizes`, the last one first.

    A few large arrays are summed instead of many small ones. The backward pass ends with the first
    layers, so the last bucket is sent while others are still computed. A Trainer sorts parameters
    by name, which puts dense layers behind convolutions.
    """
    buckets, room = [], 0
    for i in reversed(range(len(sizes))):
        if sizes[i] > room:
            buckets.append([])
            room = limit
        buckets[-1].append(i)
        room -= sizes[i]
    return buckets


def _words(content, length):
    """`content`, and zeros up to `length` bytes, as uint16, which are exact in single precision."""
    words = np.zeros(-(-length // 2), np.uint16)
    words.view(np.uint8)[:len(content)] = np.frombuffer(content, np.uint8)
    return words
