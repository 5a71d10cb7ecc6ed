"""Gradients that travel together: few large arrays in place of many small ones."""

LIMIT = 2 ** 20  # numbers in a bucket, unless one gradient alone has more


def make_buckets(sizes, limit=LIMIT):
    """Lists of the numbers of consecutive gradients, of these `sizes`, from the last to the first.

    The last ones are there first, so their bucket leaves while others are computed: a Trainer has
    its parameters by their names, in which dense layers, at a net's end, come after convolutions.
    """
    buckets, room = [], 0
    for i in reversed(range(len(sizes))):
        if sizes[i] > room:
            buckets.append([])
            room = limit
        buckets[-1].append(i)
        room -= sizes[i]
    return buckets
