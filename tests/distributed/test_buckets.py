"""Gradients that travel together."""
from gluonblocks.distributed.buckets import make_buckets


def test_every_gradient_is_in_one_bucket_from_the_last_to_the_first():
    buckets = make_buckets([3, 4, 5, 6], limit=9)
    assert buckets == [[3], [2, 1], [0]]


def test_one_that_is_larger_than_a_bucket_has_its_own():
    assert make_buckets([1, 100, 2, 2], limit=9) == [[3, 2], [1], [0]]
    assert make_buckets([]) == []
