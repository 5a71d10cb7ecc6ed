"""One run of the benchmark of several workers: measure, tell, write."""
import os
from typing import NamedTuple, Sequence

from ..command import check_folders, dump, write_whole
from ..machine import machine
from ..measure import say
from ..workers import Worker
from .machines import Machines, cpus_of
from .report import render, summarize

ALL = 'N'  # as many servers as workers


class Asked(NamedTuple):
    """What is measured: numbers of workers and of servers, or ALL, links in bits a second, and the
    seconds that are added to their round trip."""

    workers: Sequence[int]
    servers: Sequence[object]
    rates: Sequence[int]
    round_trip: float


def run(settings, models, asked, json_path=None):
    """Measure `models` as `asked`, print the report, and write the file that is named.

    Raises WorkerError where a process fails, OSError where the file cannot be written.
    """
    check_folders(json_path)
    cpus = sorted(os.sched_getaffinity(0))
    how = {'rounds': min(3, settings.rounds), 'seconds': settings.seconds,
           'max_steps': settings.max_steps}
    raw = {'machine': machine(), 'batch_size': settings.batch_size, 'rounds': how['rounds'],
           'cpus': len(cpus), 'rates': list(asked.rates), 'round_trip': asked.round_trip,
           'notes': [], 'alone': {}, 'clusters': []}
    for model in models:
        say('%s: one process' % model)
        raw['alone'][model] = _alone(model, settings, how, raw)
    for n in sorted(set(asked.workers) - {1}):
        with Machines(n, asked.rates, asked.round_trip) as machines:
            _note(raw, machines.lacking)
            for model in models:
                for s in servers_of(asked.servers, n):
                    say('%s: %d workers, servers: %d' % (model, n, s))
                    job = dict(how, model=model, batch_size=settings.batch_size)
                    result = machines.measure(job, s, cpus_of(n, cpus))
                    raw['clusters'].append(dict(result, model=model, workers=n, servers=s,
                                                apart=machines.apart))
    results = summarize(raw)
    print(render(raw, results), end='', flush=True)
    if json_path:
        write_whole(json_path, lambda path: dump(raw, results, path))


def servers_of(asked, num_workers):
    """The numbers of servers to measure with so many workers: not more than these."""
    numbers = {num_workers if s == ALL else s for s in asked}
    return sorted(s for s in numbers if s <= num_workers)


def _alone(model, settings, how, raw):
    """What one process takes: {'buckets', 'images' and 'compute' of two numbers of images,
    'arithmetic' by the bytes of a gradient}, seconds of a step in each round."""
    images = [settings.batch_size, max(1, settings.batch_size // 4)]
    spec = dict(how, kind='exchange', model=model, images=images[0])
    with Worker(spec, settings.threads) as worker:
        raw['versions'] = worker.hello['versions']
        compute = [worker.ask(images=n)['seconds'] for n in images]
        arithmetic = {4: [], 8: []}
        for _ in range(how['rounds']):
            for width, n in ((4, 2), (8, 3)):
                arithmetic[width] += worker.ask(workers=n)['seconds']
        return {'buckets': worker.hello['buckets'], 'images': images, 'compute': compute,
                'arithmetic': arithmetic}


def _note(raw, lines):
    raw['notes'] += [line for line in lines if line not in raw['notes']]
