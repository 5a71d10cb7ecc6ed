"""Buckets of gradients: a few large arrays are summed instead of many small ones."""

LIMIT = 2 ** 20  # numbers in a bucket, unless one gradient alone has more


def make_buckets(sizes, limit=LIMIT):
    """Return lists of the indices of consecutive gradients of these `sizes`, the last one first.

    The backward pass ends with the first layers, so the last bucket is sent while others are still
    computed. A Trainer sorts parameters by name, which puts dense layers behind convolutions.
    """
    buckets, room = [], 0
    for i in reversed(range(len(sizes))):
        if sizes[i] > room:
            buckets.append([])
            room = limit
        buckets[-1].append(i)
        room -= sizes[i]
    return buckets
