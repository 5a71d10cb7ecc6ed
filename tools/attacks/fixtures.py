"""A small data set and undamaged runs, which the attacks copy and damage."""
import gzip
import hashlib
import os
import signal
from typing import List, NamedTuple

import numpy as np

from . import jobs, shim
from .jobs import Job
from .verdict import output

ON_DATA = ['--model', 'lenet_bn', '--ctx', 'cpu', '--seed', '0', '--batch-size', '16', '--epochs',
           '1']
RUN = ['--model', 'lenet_bn', '--ctx', 'cpu', '--seed', '0', '--batch-size', '16', '--dataset',
       'tools.attacks.fixtures:stripes', '--epochs', '2', '--checkpoint-every', '2', '--no-report']
# {run name: command-line options}. STOP interrupts the run 'stopped' while it saves a checkpoint.
RUNS = {'complete': RUN, 'other': RUN + ['--seed', '1'], 'stopped': RUN,
        'on data': ON_DATA + ['--no-report'],
        'plain': RUN + ['--momentum', '0.9', '--checkpoint-every', '1'],
        'adam': RUN + ['--optimizer', 'adam', '--lr', '0.001', '--lr-schedule', 'cosine',
                       '--warmup-epochs', '1', '--early-stop', '2', '--checkpoint-every', '3'],
        'devices': RUN + ['--ctx', 'cpu:0,1', '--label-smoothing', '0.1'],
        'tensorboard': RUN + ['--tensorboard', '--optimizer', 'sgld', '--lr', '0.001']}
STOP = {'calls': shim.OPEN, 'at': 3, 'action': shim.BEFORE, 'value': signal.SIGINT,
        'only': 'last.safetensors'}
SHAPES = {'train-images-idx3-ubyte': (60, 28, 28), 'train-labels-idx1-ubyte': (60,),
          't10k-images-idx3-ubyte': (20, 28, 28), 't10k-labels-idx1-ubyte': (20,)}
# Files in a run folder that must be identical whether or not the run was interrupted.
SAME = ('final.safetensors', 'final.params', 'best.safetensors', 'last.safetensors',
        'previous.safetensors', 'history.csv', 'history.jsonl', 'config.json')


def stripes():
    """Return (train images, train labels, test images, test labels).

    Each image shows a bright stripe on noise. There are 60 training and 20 test images.
    """
    rng, labels = np.random.RandomState(0), np.arange(80) % 10
    images = rng.randint(0, 100, (80, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels):
        image[2 * label:2 * label + 4] += 150
    return images[:60], labels[:60], images[60:], labels[60:]


def write_data(folder, shapes=SHAPES):
    """Write small idx files, and make gluonblocks accept them as Fashion-MNIST in this process.

    Return a dict that maps file names to arrays.
    """
    from gluonblocks.data import fashion_mnist
    os.makedirs(folder)
    rng, arrays, fashion_mnist.FILES = np.random.RandomState(1), {}, {}
    for name, shape in shapes.items():
        arrays[name] = rng.randint(0, 256 if 'images' in name else 10, shape).astype(np.uint8)
        content = (bytes([0, 0, 8, len(shape)]) + b''.join(n.to_bytes(4, 'big') for n in shape)
                   + arrays[name].tobytes())
        fashion_mnist.FILES[name] = shape, hashlib.sha256(content).hexdigest()
        with open(os.path.join(folder, name + '.gz'), 'wb') as f:
            f.write(gzip.compress(content, mtime=0))
    fashion_mnist.SYSTEM_ROOT = os.path.join(folder, 'no-such-folder')
    return arrays


class Run(NamedTuple):
    """A training run: its folder, printed lines, number of system calls and duration in seconds."""

    folder: str
    lines: List[str]
    calls: int
    seconds: float


class Fixtures:
    """Undamaged runs and their outputs, each created on first use in this process.

    `root` is the folder for all of the attack's files, and `data` is the data set folder.
    """

    def __init__(self, root, data):
        self.root, self.data, self.cache = root, data, {}
        self.folder = os.path.join(root, 'fixtures-%d' % os.getpid())
        os.mkdir(self.folder)
        self.picture = self.path('picture.pgm')  # PGM, which every version of Pillow reads
        with open(self.picture, 'wb') as f:
            f.write(b'P5 28 28 255\n' + bytes(range(196)) * 4)

    def path(self, *names):
        """Join the path components `names` to the path of the fixture folder."""
        return os.path.join(self.folder, *names)

    def once(self, key, make):
        """Return the cached result of `make()`, which is called only once per key."""
        if key not in self.cache:
            self.cache[key] = make()
        return self.cache[key]

    def command(self, *argv, code=0, **faults):
        """Run a command; return its `Done`. Raises RuntimeError unless the exit code is `code`."""
        done = jobs.run(Job(argv, self.folder, **faults))
        if done.code != code:
            raise RuntimeError('%s exited with code %d:\n%s'
                               % (done.job.words, done.code, done.err))
        return done

    def run(self, name):
        """Return the `Run` called `name`, a key of RUNS."""
        def make():
            folder = self.path(name)
            stop = name == 'stopped'
            done = self.command('train', '--out', folder, *RUNS[name], code=130 * stop,
                                shim=shim.Shim(folder, **(STOP if stop else {})))
            return Run(folder, output(done), done.calls, done.seconds)
        return self.once(name, make)

    def answer(self, command, name, weights):
        """Return the lines that `evaluate` or `predict` prints for an undamaged run."""
        images = [self.picture] if command == 'predict' else []
        return self.once((command, name, weights), lambda: output(self.command(
            command, self.run(name).folder, '--ctx', 'cpu', '--weights', weights, *images)))
