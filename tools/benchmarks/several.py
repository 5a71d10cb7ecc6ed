"""The --workers option: time training steps with several workers.

Each worker runs scripts/train.py on random images in a separate Linux network namespace. The links
between them have a limited speed. If namespaces are unavailable, the workers communicate over
loopback.
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
from .measure import log
from .report import between, table
from .stats import spread
from .workers import ROOT, WorkerError, environment

STEPS, TEST_IMAGES = 20, 16


def images():
    """Return random training data for `STEPS` steps, and a few random test images."""
    import numpy as np
    rng, count = np.random.RandomState(0), STEPS * int(os.environ['GLUONBLOCKS_BENCHMARK_BATCH'])
    return tuple(itertools.chain.from_iterable(
        (rng.randint(0, 256, (n, 28, 28)).astype('uint8'), np.arange(n) % 10)
        for n in (count, TEST_IMAGES)))


def measure(settings, models, workers, gbit):
    """Measure the seconds per step for each combination of model, worker count and link speed.

    `gbit` lists the link speeds in Gbit/s. Raises WorkerError if a run fails.
    """
    raw = {'machine': machine(), 'batch_size': settings.batch_size, 'notes': [], 'rows': []}
    for n in sorted({1, *workers}):
        with contextlib.ExitStack() as stack:
            network = _network(stack, n, raw['notes']) if n > 1 else None
            for model, link in itertools.product(models, gbit if network else [None]):
                for each in network.machines if network else ():
                    each.shape(link * 1e9)
                log('%s: %d workers, %s' % (model, n, '%g Gbit/s' % link if link else 'no limit'))
                raw['rows'].append({'model': model, 'workers': n, 'gbit': link,
                                    'step': _train(settings, model, n, network)})
    return raw


def _network(stack, count, notes):
    """Return a network of `count` namespaces, or None if this system does not support them."""
    try:
        network = stack.enter_context(Network(count))
        for each in network.machines:
            each.shape(1e9)  # fails if the speed cannot be limited
        return network
    except NotTried as error:
        notes.append('the workers communicated over loopback, without speed limits: %s' % error)
        return None


def _train(settings, model, workers, network):
    """Train `model`; return a list of the mean seconds per step in each epoch.

    The first epoch is omitted, because it includes the compilation of graphs.
    """
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
            with open(os.path.join(folder, 'stderr-%d' % rank), 'w') as stderr:
                processes.append(stack.enter_context(subprocess.Popen(
                    argv, cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=stderr,
                    preexec_fn=_on_own_cpus(rank, workers if network else 1))))
                stack.callback(processes[-1].terminate)
        for rank, process in enumerate(processes):
            if process.wait():
                with open(os.path.join(folder, 'stderr-%d' % rank)) as stderr:
                    lines = stderr.read().strip().splitlines()
                raise WorkerError('%s, %d workers: %s' % (model, workers, (lines or ['?'])[-1]))
        with open(os.path.join(out, 'times.csv')) as f:
            return [float(row['seconds']) / STEPS for row in csv.DictReader(f)][1:]


def _commands(command, network):
    """Return a list of the command lines that start the run, one for each machine."""
    if network is None:
        return [command]
    return [each.argv(*command, *node_options(network.machines, rank))
            for rank, each in enumerate(network.machines)]


def _on_own_cpus(rank, count):
    """Return a function that pins process `rank` of `count` to its share of the CPUs.

    If there are fewer CPUs than processes, several processes share a CPU.
    """
    cpus = sorted(os.sched_getaffinity(0))
    own = cpus[rank * len(cpus) // count:(rank + 1) * len(cpus) // count]
    return lambda: os.sched_setaffinity(0, own or [cpus[rank % len(cpus)]])


def render(raw):
    """Return the measurement as text."""
    alone = {row['model']: statistics.median(row['step']) for row in raw['rows']
             if row['workers'] == 1}
    rows = [[row['model'], row['workers'],
             '%g Gbit/s' % row['gbit'] if row['gbit'] else 'no limit',
             between(spread(row['step'], 1e3)),
             '%.2f×' % (alone[row['model']] / statistics.median(row['step']))]
            for row in raw['rows']]
    return '\n\n'.join(['\n'.join('%s: %s' % item for item in raw['machine'].items()),
                        'Each training step has %d images in total. The workers share the CPUs of '
                        'this machine.' % raw['batch_size'],
                        table(['model', 'workers', 'link', 'ms per step',
                               'times as fast as one process'], rows),
                        *dict.fromkeys(raw['notes'])]) + '\n'
