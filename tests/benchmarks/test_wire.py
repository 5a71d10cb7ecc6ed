"""The model of several workers, in numbers that a reader can check."""
import pytest

from benchmarks.wire import model
from benchmarks.wire.model import (
    Link,
    Terms,
    busiest_bytes,
    bytes_of,
    carried_bytes,
    computing,
    limit_of,
    terms_of,
)

MILLION = [10 ** 6]  # gradients that travel together, all of them
TEN = [10 ** 5] * 10  # as many in ten arrays


def test_two_workers_send_four_bytes_a_gradient_and_more_workers_eight():
    assert [bytes_of(1000, n) for n in (2, 3, 1000)] == [4000, 8000, 8000]


def test_a_link_carries_what_a_server_takes_and_gives_and_what_its_own_worker_sends_to_others():
    # The other worker's 4 MB come, and their sum goes.
    assert busiest_bytes(MILLION, 2, 1) == 4e6
    # A half of the other's come and a half of its own go; the same of the sums, the other way.
    assert busiest_bytes(MILLION, 2, 2) == 4e6
    # Nine others send 8 MB each.
    assert busiest_bytes(MILLION, 10, 1) == 72e6
    # Nine others send a tenth each, and a tenth of its own goes to each of nine.
    assert busiest_bytes(MILLION, 10, 10) == pytest.approx(2 * 9 * 0.8e6)


def test_one_array_comes_before_its_sum_goes_and_of_ten_only_the_last_has_to_wait():
    assert carried_bytes(MILLION, 2, 1) == 8e6
    assert carried_bytes(TEN, 2, 1) == pytest.approx(4.4e6)


def test_with_as_many_servers_as_workers_links_are_full_both_ways_and_nothing_waits():
    for buckets in (MILLION, TEN):
        assert carried_bytes(buckets, 10, 10) == pytest.approx(busiest_bytes(buckets, 10, 10))


def test_a_step_is_its_computing_and_the_longer_of_handling_and_wire():
    fast, slow = Link(1e9, 0.001), Link(1e8, 0.001)
    assert terms_of(0.5, 0.05, MILLION, 2, 1, fast).step == pytest.approx(0.5 + 0.05)
    assert terms_of(0.5, 0.05, MILLION, 2, 1, slow).step == pytest.approx(0.5 + 0.08 + 0.002)


def test_a_link_without_a_limit_takes_no_time_and_one_process_exchanges_nothing():
    assert terms_of(0.5, 0.05, MILLION, 2, 1, None).step == 0.55
    assert terms_of(0.5, 0.05, MILLION, 1, 1, Link(1, 1)).step == 0.5


@pytest.mark.parametrize('terms, servers, limit', [
    (Terms(0.5, 0.1, 0.4, 0.0), 1, model.COMPUTING),
    (Terms(0.1, 0.1, 0.4, 0.0), 1, model.SERVER),
    (Terms(0.1, 0.1, 0.4, 0.0), 4, model.LINKS),
    (Terms(0.1, 0.1, 0.4, 0.3), 1, model.WAITING),
    (Terms(0.1, 0.5, 0.4, 0.0), 1, model.HANDLING)])
def test_what_limits_is_the_largest_part_and_has_something_that_helps(terms, servers, limit):
    assert limit_of(terms, 4, servers) == limit
    assert '--' in model.HELPS[limit]


def test_computing_is_the_line_through_two_measurements():
    seconds = computing([256, 64], [0.5, 0.2])
    assert seconds(64) == pytest.approx(0.2) and seconds(256) == pytest.approx(0.5)
    assert seconds(128) == pytest.approx(0.3)


def test_computing_does_not_fall_where_noise_made_more_images_faster():
    assert computing([256, 64], [0.2, 0.3])(64) == 0.2
    assert computing([1, 1], [0.2, 0.3])(64) == 0.2
