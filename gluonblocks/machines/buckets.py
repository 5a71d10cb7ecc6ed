"""Gradients that travel together: few large arrays in place of many small ones."""

LIMIT = 2 ** 20  # numbers in a bucket, unless one gradient alone has more


def make_buckets(sizes, limit=LIMIT):
    """Lists of the numbers of consecutive gradients, of these `sizes`, from the last to the first.

    The last layer's gradient is there first, so its bucket leaves while others are computed.
    """
    buckets, room = [], 0
    for i in reversed(range(len(sizes))):
        if sizes[i] > room:
            buckets.append([])
            room = limit
        buckets[-1].append(i)
        room -= sizes[i]
    return buckets
