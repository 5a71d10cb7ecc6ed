"""How long a step takes by several workers, from terms that can be measured one by one.

    seconds = compute + max(handling, carried / bandwidth + 2 * round trip)

Each of N workers, on a machine of its own, sends B bytes of gradients in a step and gets as many
back; each of S servers, on S of these machines, adds B / S of them.

`compute` is a step of one worker's share of the batch without an exchange. `handling` is the
exchange with links that take no time: rounding, copying, adding.

`carried` is what the busiest link carries one after another. B (N - 1) / S bytes come to a server
from the other machines, and as many leave it as sums. A link carries both ways at once, but the
sum of a bucket leaves after the gradients of this bucket have come, so it is as if the largest
bucket were carried twice. Where the server's own worker sends more than that to the other servers,
B (S - 1) / S bytes, that counts instead: with as many servers as workers both directions are full
all the time.

B is 4 bytes a parameter for two workers and 8 for more, whose gradients travel in double precision,
so that their sum is the same in any order. The two round trips are those of a push that is
acknowledged and a pull that is answered; buckets do not wait for each other.

Not in the model: that the exchange begins while the backward pass still computes, which makes a
step shorter, and that a handling slower than the link in some places only adds to it.
"""
from typing import NamedTuple

WORKERS = (2, 4, 8, 16, 64, 256, 1000)
ROUND_TRIPS = 2

COMPUTING, SERVER, LINKS, WAITING, HANDLING = (
    'computing', "the servers' links", 'all links', 'round trips', 'rounding, copying, adding')
# What limits a step, and what helps then.
HELPS = {
    COMPUTING: 'more workers (--workers)',
    SERVER: 'more servers, up to one for each worker (--servers)',
    LINKS: 'more images a step, so fewer steps an epoch (--batch-size), or faster links',
    WAITING: 'more images a step (--batch-size)',
    HANDLING: 'two workers in place of more, whose gradients stay in single precision (--workers), '
              'or more images a step (--batch-size)'}


class Link(NamedTuple):
    """Bytes a second, each way, and the seconds of a round trip; None: it takes no time."""

    bandwidth: float
    round_trip: float


class Terms(NamedTuple):
    """Seconds that a step's parts take; `waiting` is what of `wire` are round trips."""

    compute: float
    handling: float
    wire: float
    waiting: float

    @property
    def step(self):
        return self.compute + max(self.handling, self.wire)


def bytes_of(numbers, num_workers):
    """Bytes of so many gradients, as workers send them."""
    return numbers * (4 if num_workers < 3 else 8)


def busiest_bytes(buckets, num_workers, num_servers):
    """Bytes that the busiest link carries in a step, in one direction.

    `buckets` are the numbers of gradients that travel together, each split over all servers.
    """
    return bytes_of(sum(buckets), num_workers) * (num_workers + num_servers - 2) / num_servers


def carried_bytes(buckets, num_workers, num_servers):
    """Bytes that the busiest link carries one after another, as above."""
    all_bytes, largest = (bytes_of(numbers, num_workers) for numbers in (sum(buckets),
                                                                         max(buckets)))
    return (all_bytes * (num_workers - 1) + max(largest * (num_workers - 1),
                                                all_bytes * (num_servers - 1))) / num_servers


def terms_of(compute, handling, buckets, num_workers, num_servers, link):
    """The `Terms` of a step, `compute` and `handling` in seconds; `link` is a `Link` or None."""
    if num_workers == 1:
        return Terms(compute, 0.0, 0.0, 0.0)
    if link is None:
        return Terms(compute, handling, 0.0, 0.0)
    waiting = ROUND_TRIPS * link.round_trip
    return Terms(compute, handling, waiting + carried_bytes(
        buckets, num_workers, num_servers) / link.bandwidth, waiting)


def limit_of(terms, num_workers, num_servers):
    """What the largest part of a step is: a key of `HELPS`."""
    if terms.compute >= max(terms.handling, terms.wire):
        return COMPUTING
    if terms.handling > terms.wire:
        return HANDLING
    if terms.waiting > terms.wire / 2:
        return WAITING
    return SERVER if num_servers < num_workers else LINKS


def computing(images, seconds):
    """The seconds of a step by its images, a function: the line through two measurements.

    `images` and `seconds` are of both; a line that would fall is taken for level.
    """
    more = images[1] - images[0]
    slope = max(0.0, (seconds[1] - seconds[0]) / more) if more else 0.0
    return lambda number: max(0.0, seconds[0] + slope * (number - images[0]))
