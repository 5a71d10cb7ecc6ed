"""Sums over workers, with a server that adds in an order of the test's choosing."""
import itertools
import threading

import numpy as np
import pytest
from mxnet import nd

from gluonblocks.distributed.exchange import Exchange


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


def together(do, order, **how):
    """`do(exchange)` of each worker, at once; their results in order."""
    server, results = Server(order, **how), {}

    def run(rank):
        try:
            results[rank] = do(Exchange(Store(server, rank), rank, len(order)))
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
    def do(exchange):
        arrays = [nd.array(array) for array in gradients(exchange.rank)]
        exchange.sum_gradients(arrays, 1 / 256)
        return [array.asnumpy() for array in arrays]
    return together(do, order)


@pytest.mark.parametrize('num_workers', [1, 2, 3])
def test_the_sum_of_gradients_has_the_same_bits_in_any_order_of_arrival(num_workers):
    found = {tuple(array.tobytes() for array in arrays)
             for order in itertools.permutations(range(num_workers)) for arrays in summed(order)}
    assert len(found) == 1


def test_in_single_precision_three_have_other_bits_in_another_order():
    # What the sums would be without care: else the test above would pass for any.
    a, b, c = (gradients(rank)[0] for rank in range(3))
    assert ((a + b) + c).tobytes() != ((b + c) + a).tobytes()


@pytest.mark.parametrize('num_workers', [2, 3, 7])
def test_the_sum_is_the_exact_one_to_rounding(num_workers):
    exact = [sum(gradients(rank)[i].astype('float64') for rank in range(num_workers))
             for i in range(2)]
    for got, want in zip(summed(range(num_workers))[0], exact):
        np.testing.assert_allclose(got, want, rtol=2e-7, atol=256 * 2.0 ** -40 * num_workers)


def test_a_gradient_that_is_no_number_is_none_for_all():
    def do(exchange):
        array = nd.array([1.0, np.nan if exchange.rank == 1 else 1.0, 1.0])
        exchange.sum_gradients([array], 1.0)
        return array.asnumpy().tolist()
    for row in together(do, range(3)):
        assert row[0] == row[2] == 3 and np.isnan(row[1])


@pytest.mark.parametrize('num_workers', [1, 2, 3])
def test_a_word_travels_with_the_gradients(num_workers):
    def do(exchange):
        arrays = [nd.ones((3,)), nd.ones((2,))]
        return exchange.sum_gradients(arrays, 1 / 256, word=exchange.rank).asscalar()
    assert together(do, range(num_workers)) == [sum(range(num_workers))] * num_workers


@pytest.mark.parametrize('size', [0, 1, 2, 3, 5, 300001])
def test_messages_arrive_to_the_last_byte(size):
    def content(rank):
        return np.random.RandomState(rank).bytes(size * rank)

    def do(exchange):
        return exchange.gather(content(exchange.rank)), exchange.first(
            b'\x00\xff\x80' * size if exchange.rank == 0 else b'of another')
    for gathered, first in together(do, range(3), single=True):
        assert gathered == [content(rank) for rank in range(3)]
        assert first == b'\x00\xff\x80' * size


def test_a_server_that_adds_in_single_precision_is_refused():
    errors = together(lambda exchange: exchange.check(), range(3), single=True)
    assert any('adds doubles in single precision' in str(error) for error in errors)
    assert together(lambda exchange: exchange.check(), range(3)) == [None] * 3
    assert together(lambda exchange: exchange.check(), range(2), single=True) == [None] * 2
