"""Training by several workers, measured: each has a machine of its own, or all share this one.

A machine is a Linux network namespace with a link of a given speed. On each of them the command
scripts/train.py trains on synthetic images, as a user would start it.
"""
import contextlib
import csv
import itertools
import os
import statistics
import subprocess
import sys
import tempfile

from ..attacks.network import Network, NotTried, node_options
from .machine import machine
from .measure import say
from .report import between, table
from .stats import spread
from .workers import ROOT, WorkerError, environment

STEPS, TEST_IMAGES = 20, 16


def images():
    """The data set: random images for `STEPS` steps, and a few to test on."""
    import numpy as np
    rng, count = np.random.RandomState(0), STEPS * int(os.environ['GLUONBLOCKS_BENCHMARK_BATCH'])
    return tuple(itertools.chain.from_iterable(
        (rng.randint(0, 256, (n, 28, 28)).astype('uint8'), np.arange(n) % 10)
        for n in (count, TEST_IMAGES)))


def measure(settings, models, workers, gbit):
    """The seconds of a step of `models`, for each number of workers and each link.

    `gbit` are the speeds of links in Gbit/s. Raises WorkerError if a run fails.
    """
    raw = {'machine': machine(), 'batch_size': settings.batch_size, 'notes': [], 'rows': []}
    for n in sorted({1, *workers}):
        with contextlib.ExitStack() as stack:
            links = [None]
            network = None
            if n > 1:
                network, links = _network(stack, n, gbit, raw['notes'])
            for model, link in itertools.product(models, links):
                if link:
                    for each in network.machines:
                        each.shape(link * 1e9)
                say('%s: workers %d, link %s' % (model, n, link or 'without limit'))
                raw['rows'].append({'model': model, 'workers': n, 'gbit': link,
                                    'step': _train(settings, model, n, network)})
    return raw


def _network(stack, count, gbit, notes):
    """(network, links): machines in the context `stack`, None where there cannot be any."""
    try:
        network = stack.enter_context(Network(count))
        for each in network.machines:
            each.shape(gbit[0] * 1e9)
        return network, gbit
    except NotTried as error:
        text = 'without links of a given speed, over loopback: %s' % error
        if text not in notes:
            notes.append(text)
        return None, [None]


def _train(settings, model, workers, network):
    """Seconds of a step in each epoch after the first, which makes the graphs."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        out = os.path.join(folder, 'run')
        command = [sys.executable, os.path.join(ROOT, 'scripts', 'train.py'), '--model', model,
                   '--dataset', __name__ + ':images', '--epochs', str(settings.rounds + 1),
                   '--batch-size', str(settings.batch_size), '--lr', '0.001', '--seed', '0',
                   '--workers', str(workers), '--no-report', '--out', out]
        env = dict(environment(settings.threads),
                   GLUONBLOCKS_BENCHMARK_BATCH=str(settings.batch_size))
        processes = []
        for rank, argv in enumerate(_commands(command, network)):
            with open(os.path.join(folder, 'said-%d' % rank), 'w') as said:
                processes.append(stack.enter_context(subprocess.Popen(
                    argv, cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=said,
                    preexec_fn=_on_own_cpus(rank, workers if network else 1))))
                stack.callback(processes[-1].terminate)
        for rank, process in enumerate(processes):
            if process.wait():
                with open(os.path.join(folder, 'said-%d' % rank)) as said:
                    lines = said.read().strip().splitlines()
                raise WorkerError('%s, %d workers: %s' % (model, workers, (lines or ['?'])[-1]))
        with open(os.path.join(out, 'times.csv')) as f:
            return [float(row['seconds']) / STEPS for row in csv.DictReader(f)][1:]


def _commands(command, network):
    """The command line of each machine."""
    if network is None:
        return [command]
    return [each.argv(*command, *node_options(network.machines, rank))
            for rank, each in enumerate(network.machines)]


def _on_own_cpus(rank, count):
    """A function that gives its process CPUs of its own, or one in turn if there are too few."""
    cpus = sorted(os.sched_getaffinity(0))
    own = cpus[rank * len(cpus) // count:(rank + 1) * len(cpus) // count]
    return lambda: os.sched_setaffinity(0, own or [cpus[rank % len(cpus)]])


def render(raw):
    """The measurement as text."""
    alone = {row['model']: statistics.median(row['step']) for row in raw['rows']
             if row['workers'] == 1}
    rows = [[row['model'], row['workers'],
             '%g Gbit/s' % row['gbit'] if row['gbit'] else 'no limit',
             between(spread(row['step'], 1e3)),
             '%.2f×' % (alone[row['model']] / statistics.median(row['step']))]
            for row in raw['rows']]
    return '\n\n'.join(['\n'.join('%s: %s' % item for item in raw['machine'].items()),
                        'Training steps of %d images in all; the machines share the CPUs of this '
                        'one.' % raw['batch_size'],
                        table(['model', 'workers', 'link', 'ms a step', 'as fast as one process'],
                              rows)] + raw['notes']) + '\n'
