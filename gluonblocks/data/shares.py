"""Which images of a batch are a worker's, where several share each batch."""


def share_of(num_images, part):
    """The slice of a batch of `num_images` that is worker k's of n, by `part`, (k, n).

    The n slices follow each other, cover the batch, and differ by one image at most. None: all.
    """
    k, n = part or (0, 1)
    return slice(num_images * k // n, num_images * (k + 1) // n)


def check_part(part, batch_size):
    """`part` as a tuple; ValueError unless it is (k, n), 0 <= k < n, n at most `batch_size`."""
    try:
        k, n = part
        good = all(isinstance(number, int) for number in (k, n)) and 0 <= k < n
    except (TypeError, ValueError):
        good = False
    if not good:
        raise ValueError('part is %r, but must be (k, n): worker number k, from 0, of n'
                         % (part,))
    if n > batch_size:
        raise ValueError('there are %d workers, but only %d images a step: with fewer workers, or '
                         'a larger batch, each has an image' % (n, batch_size))
    return k, n
