"""Sums over workers, with a server that adds in an order of the test's choosing."""
import itertools
import threading

import numpy as np
import pytest
from mxnet import nd

from gluonblocks.distributed.collectives import Collectives, make_buckets


class Server:
    """Adds what n workers push in the given order, as a server of ps-lite does: in the arrays' own
    precision, or, as one that took up a bad start, in single precision."""

    def __init__(self, order, single=False):
        self._order, self._single = order, single
        self._barrier, self._pushed = threading.Barrier(len(order)), {}

    def push(self, rank, key, array):
        self._pushed[key, rank] = array.asnumpy()
        self._barrier.wait()
        total = None
        for k in self._order:
            number = self._pushed[key, k].astype('float32' if self._single else array.dtype)
            total = number if total is None else total + number
        self._barrier.wait()
        return nd.array(total.astype(array.dtype), dtype=array.dtype)


class Store:
    """The KVStore of one worker."""

    def __init__(self, server, rank):
        self._server, self._rank, self._sums = server, rank, {}

    def init(self, key, array):
        assert not array.asnumpy().any()

    def push(self, key, array, priority=0):
        self._sums[key] = self._server.push(self._rank, key, array)

    def pull(self, key, out, priority=0):
        out[:] = self._sums[key]


def run_all(do, order, **how):
    """`do(collectives)` of each rank, at once; their results in the order of ranks."""
    server, results = Server(order, **how), {}

    def run(rank):
        try:
            results[rank] = do(Collectives(Store(server, rank), rank, len(order)))
        except Exception as error:
            results[rank] = error
            server._barrier.abort()
    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(len(order))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[rank] for rank in range(len(order))]


def gradients(rank):
    rng = np.random.RandomState(rank)
    # In the last one even doubles lose what is small, or not, by the order.
    return [rng.randn(5, 7).astype('float32') * 300, rng.randn(11).astype('float32') * 1e-4,
            np.array([(2.0 ** 19, -2.0 ** 19, 2.0 ** -40)[rank % 3]], 'float32')]


def summed(order):
    """What each rank has after an all-reduce: the gradients, then the flag."""
    def do(collectives):
        arrays = [nd.array(array) for array in gradients(collectives.rank)]
        flag = collectives.all_reduce(arrays, 1 / 256, flag=collectives.rank)
        return [array.asnumpy() for array in [*arrays, flag]]
    return run_all(do, order)


@pytest.mark.parametrize('world_size', [1, 2, 3])
def test_the_sum_of_gradients_has_the_same_bits_in_any_order_of_arrival(world_size):
    found = {tuple(array.tobytes() for array in arrays)
             for order in itertools.permutations(range(world_size)) for arrays in summed(order)}
    assert len(found) == 1
    # In single precision three have other bits in another order.
    a, b, c = (gradients(rank)[0] for rank in range(3))
    assert ((a + b) + c).tobytes() != ((b + c) + a).tobytes()


@pytest.mark.parametrize('world_size', [2, 3, 7])
def test_the_sum_is_the_exact_one_to_rounding_and_a_flag_travels_with_it(world_size):
    *got, flag = summed(range(world_size))[0]
    for i in range(2):
        exact = sum(gradients(rank)[i].astype('float64') for rank in range(world_size))
        np.testing.assert_allclose(got[i], exact, rtol=2e-7, atol=256 * 2.0 ** -40 * world_size)
    assert flag == sum(range(world_size))


def test_a_gradient_that_is_nan_is_nan_for_all():
    def do(collectives):
        array = nd.array([1.0, np.nan if collectives.rank == 1 else 1.0, 1.0])
        collectives.all_reduce([array], 1.0)
        return array.asnumpy().tolist()
    for row in run_all(do, range(3)):
        assert row[0] == row[2] == 3 and np.isnan(row[1])


@pytest.mark.parametrize('size', [0, 1, 5, 300001])
def test_messages_arrive_to_the_last_byte(size):
    def content(rank):
        return np.random.RandomState(rank).bytes(size * rank)

    def do(collectives):
        return collectives.all_gather(content(collectives.rank)), collectives.broadcast(
            b'\x00\xff\x80' * size if collectives.rank == 0 else b'of another')
    for gathered, broadcast in run_all(do, range(3), single=True):
        assert gathered == [content(rank) for rank in range(3)]
        assert broadcast == b'\x00\xff\x80' * size


def test_a_server_that_adds_in_single_precision_is_refused():
    errors = run_all(lambda collectives: collectives.check(), range(3), single=True)
    assert any('adds doubles in single precision' in str(error) for error in errors)
    assert run_all(lambda collectives: collectives.check(), range(3)) == [None] * 3
    assert run_all(lambda collectives: collectives.check(), range(2), single=True) == [None] * 2


@pytest.mark.parametrize('sizes, buckets', [
    ([3, 4, 5, 6], [[3], [2, 1], [0]]), ([1, 100, 2, 2], [[3, 2], [1], [0]]), ([], [])])
def test_every_gradient_is_in_one_bucket_from_the_last_to_the_first(sizes, buckets):
    assert make_buckets(sizes, limit=9) == buckets
