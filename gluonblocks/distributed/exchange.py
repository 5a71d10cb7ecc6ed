"""All-reduce, all-gather and broadcast over MXNet's KVStore, the same in any order of arrival."""
import numpy as np
from mxnet import nd

from .buckets import make_buckets

FRACTION = 40  # bits after the point of a mean gradient, where three or more are summed
PIECE = 2 ** 17  # numbers of a message that travel at once


class Exchange:
    """The collective operations of worker `rank` of `num_workers`; all must call the same ones.

    `kv` is a KVStore of the type dist_sync. Its server adds in the order of arrival, which decides
    the last bits of a sum of three or more floating point numbers. So only numbers whose sum is the
    same in any order are sent: two of them, or integers that are small enough.
    """

    def __init__(self, kv, rank, num_workers):
        self._kv, self.rank, self.num_workers = kv, rank, num_workers
        self._keys, self._buckets = set(), None

    def gather(self, content):
        """All-gather: return the list of every worker's `content`, bytes, in the order of ranks."""
        lengths = self._lengths(content)
        words = _words(content, max(lengths))
        rows = np.zeros((self.num_workers, len(words)), np.uint16)
        rows[self.rank] = words
        return [row.tobytes()[:length] for row, length in zip(
            self._sum(rows.reshape(-1)).reshape(rows.shape), lengths)]

    def first(self, content=b''):
        """Broadcast: return the `content`, bytes, of rank 0."""
        length = self._lengths(content)[0]
        return self._sum(_words(content if self.rank == 0 else b'', length)).tobytes()[:length]

    def _lengths(self, content):
        lengths = np.zeros(self.num_workers, np.int64)
        lengths[self.rank] = len(content)
        return self._sum(lengths.view(np.uint16)).view(np.int64).tolist()

    def _sum(self, words):
        """The sum of `words`, uint16 (m,), zero but for one worker, over all."""
        done = []
        for start in range(0, len(words), PIECE):
            piece = words[start:start + PIECE].astype('float32')
            width = 1 << (len(piece) - 1).bit_length()  # of a few widths, each of which is a key
            array = nd.array(np.pad(piece, (0, width - len(piece))))
            self._push_pull('message%d' % width, array)
            done.append(array.asnumpy()[:len(piece)].astype(np.uint16))
        return np.concatenate(done) if done else words

    def check(self):
        """Raise RuntimeError unless sums of doubles are exact, which three workers or more need.

        A server of MXNet 1.9 may add in single precision: its field multi_precision_ has no first
        value. `server_environment` has its memory begin as zeros, where the C library is glibc.
        """
        if self.num_workers < 3:
            return
        array = nd.array([2.0 ** 40 + 1], dtype='float64')
        self._push_pull('check', array)
        if array.asscalar() != self.num_workers * (2.0 ** 40 + 1):
            raise RuntimeError('a server adds doubles in single precision, so the sum of %d '
                               'workers would depend on who comes first: start again, with two '
                               'workers, or on a system with glibc' % self.num_workers)

    def sum_gradients(self, gradients, mean, word=0):
        """All-reduce: set each of `gradients`, NDArrays, to its sum over all workers.

        Does not wait for the sums. `mean` is the factor of a sum in the update, such as
        1 / batch size. Returns an NDArray (1,), the sum of the workers' integers `word`.

        With three workers or more a gradient times `mean` is rounded to a multiple of a number
        from 2**-40 to 2**-39. The sum is exact while it, and each part of it, is below 2**13 after
        that multiplication; beyond that its last bits may depend on the order.
        """
        if self._buckets is None:
            self._buckets = make_buckets([gradient.size for gradient in gradients])
        dtype = 'float32' if self.num_workers < 3 else 'float64'
        scale = 2.0 ** (FRACTION + np.frexp(mean)[1] - 1)
        for number, bucket in enumerate(self._buckets):
            parts = [gradients[i].reshape(-1).astype(dtype, copy=False) for i in bucket]
            parts.append(nd.array([word / scale if dtype == 'float64' else word],
                                  ctx=parts[0].context, dtype=dtype))
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
        words = array[start:]
        return words * scale if dtype == 'float64' else words

    def _push_pull(self, key, array, priority=0):
        """Set `array` to its sum over all workers, without waiting."""
        if key not in self._keys:
            # All come here in the same order. MXNet waits for all before init returns.
            self._kv.init(key, nd.zeros_like(array))
            self._keys.add(key)
        self._kv.push(key, array, priority=priority)
        self._kv.pull(key, out=array, priority=priority)


def _words(content, length):
    """`content`, and zeros up to `length` bytes, as uint16, which are exact in single precision."""
    words = np.zeros(-(-length // 2), np.uint16)
    words.view(np.uint8)[:len(content)] = np.frombuffer(content, np.uint8)
    return words
