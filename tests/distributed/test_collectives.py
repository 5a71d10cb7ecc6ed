"""Collective operations of several ranks, each a thread here, over real sockets."""
import concurrent.futures
import socket
import threading
import time

import numpy as np
import pytest
from mxnet import nd

from gluonblocks.distributed import collectives as module
from gluonblocks.distributed.collectives import join_ring, make_buckets

SECRET = b'known to all ranks'


def run_all(do, world_size):
    """Return `do(collectives)` of each rank, all at once, in the order of ranks."""
    listeners = [socket.create_server(('127.0.0.1', 0)) for _ in range(world_size)]
    addresses = [listener.getsockname() for listener in listeners]
    with concurrent.futures.ThreadPoolExecutor(world_size) as pool:
        joined = list(pool.map(lambda rank: join_ring(listeners[rank], addresses, rank, SECRET),
                               range(world_size)))
        results = list(pool.map(do, joined))
    for collectives, listener in zip(joined, listeners):
        for sock in (collectives._before, collectives._after, listener):
            sock.close()
    return results


def gradients(rank):
    rng = np.random.RandomState(rank)
    return [rng.randn(5, 7).astype('float32') * 300, rng.randn(11).astype('float32') * 1e-4]


def summed(world_size):
    """Return what each rank has after an all-reduce: the gradients, then the flag."""
    def do(collectives):
        arrays = [nd.array(array) for array in gradients(collectives.rank)]
        flag = collectives.all_reduce(arrays, flag=collectives.rank)
        return [array.asnumpy() for array in arrays] + [flag]
    return run_all(do, world_size)


@pytest.mark.parametrize('world_size', [1, 2, 3, 7])
def test_all_ranks_have_the_exact_sum_to_rounding_and_the_same_bits_with_the_sum_of_flags(
        world_size):
    first, *others = summed(world_size)
    for i in range(2):
        exact = sum(gradients(rank)[i].astype('float64') for rank in range(world_size))
        np.testing.assert_allclose(first[i], exact, rtol=1e-5, atol=1e-3 if i == 0 else 1e-9)
        assert all(other[i].tobytes() == first[i].tobytes() for other in others)
    assert all(rank[2] == sum(range(world_size)) for rank in [first, *others])


def test_each_third_of_the_gradients_is_added_in_its_own_order_of_ranks_in_each_run():
    rows = np.random.RandomState(0).randn(3, 299).astype('float32')  # and a flag behind them
    want = np.concatenate([rows[k, third] + rows[(k + 1) % 3, third] + rows[(k + 2) % 3, third]
                           for k, third in enumerate(np.array_split(np.arange(299), [100, 200]))])
    assert (want != rows[0] + rows[1] + rows[2]).any()

    def do(collectives):
        array = nd.array(rows[collectives.rank])
        collectives.all_reduce([array])
        return array.asnumpy()
    for _ in range(3):
        assert all((got == want).all() for got in run_all(do, 3))


def test_gradients_of_another_net_or_of_more_layers_are_summed_too():
    def do(collectives):
        sets = [[nd.ones((2,))], [nd.ones((3,)), nd.ones((1, 2)), nd.ones((1,))], [nd.ones((2,))]]
        for arrays in sets:
            collectives.all_reduce(arrays)
        return [array.asnumpy().ravel().tolist() for arrays in sets for array in arrays]
    assert run_all(do, 2) == [[[2] * 2, [2] * 3, [2] * 2, [2], [2] * 2]] * 2


def test_gradients_of_half_precision_are_summed_in_single_precision():
    def do(collectives):  # 2048 + 1 is 2048 in half precision
        array = nd.array([(2048, 1, 1)[collectives.rank]], dtype='float16')
        collectives.all_reduce([array])
        return array.dtype, array.asscalar()
    assert run_all(do, 3) == [(np.float16, 2050)] * 3


@pytest.mark.parametrize('size', [0, 1, 5, 300001])
def test_messages_arrive_to_the_last_byte(size):
    def content(rank):
        return np.random.RandomState(rank).bytes(size * rank)

    def do(collectives):
        return collectives.all_gather(content(collectives.rank)), collectives.broadcast(
            b'\x00\xff\x80' * size if collectives.rank == 0 else b'of another')
    for gathered, broadcast in run_all(do, 3):
        assert gathered == [content(rank) for rank in range(3)]
        assert broadcast == b'\x00\xff\x80' * size


def test_who_does_not_send_the_secret_is_dropped(monkeypatch):
    monkeypatch.setattr(module, 'HANDSHAKE', 1)
    with socket.create_server(('127.0.0.1', 0)) as listener, socket.create_server(
            ('127.0.0.1', 0)) as other, concurrent.futures.ThreadPoolExecutor(1) as pool:
        addresses = [listener.getsockname(), other.getsockname()]
        joining = pool.submit(join_ring, listener, addresses, 0, SECRET)
        for sent in (b'', b'GET / HTTP/1.0\r\n\r\n', b'x' * len(SECRET)):
            with socket.create_connection(addresses[0]) as stranger:
                stranger.sendall(sent)
                stranger.shutdown(socket.SHUT_WR)
                assert stranger.recv(1) == b'' and not joining.done()
        with socket.create_connection(addresses[0]) as silent:
            assert silent.recv(1) == b'' and not joining.done()
        with socket.create_connection(addresses[0]) as last:
            last.sendall(SECRET)
            assert joining.result(5).world_size == 2


def test_a_rank_may_be_idle_for_longer_than_a_handshake_takes(monkeypatch):
    monkeypatch.setattr(module, 'HANDSHAKE', 1)

    def do(collectives):
        time.sleep(1.2 * collectives.rank)
        return collectives.all_gather(b'%d' % collectives.rank)
    assert run_all(do, 2) == [[b'0', b'1']] * 2


def test_an_operation_without_a_lost_rank_does_not_end():
    ended = threading.Event()

    def do(collectives):
        if collectives.rank:
            collectives._before.close(), collectives._after.close()
        else:
            threading.Thread(target=lambda: (collectives.broadcast(), ended.set()),
                             daemon=True).start()
            assert not ended.wait(0.3)
    run_all(do, 2)


@pytest.mark.parametrize('sizes, buckets', [
    ([3, 4, 5, 6], [[3], [2, 1], [0]]), ([1, 100, 2, 2], [[3, 2], [1], [0]]), ([], [])])
def test_every_gradient_is_in_one_bucket_from_the_last_to_the_first(sizes, buckets):
    assert make_buckets(sizes, limit=9) == buckets
