"""What is attacked: small data, runs that are whole, halted or others', and what they answer."""
import gzip
import hashlib
import json
import os
import shutil
import threading

import numpy as np

from .jobs import Job, without_page
from .verdict import said

# Small, so that a case takes a fraction of a second: four steps an epoch.
RUN = ['--model', 'lenet_bn', '--dataset', 'synthetic', '--ctx', 'cpu', '--seed', '0',
       '--batch-size', '16', '--epochs', '2', '--momentum', '0.9', '--checkpoint-every', '2']
HALTED_AT = 6  # the second step of the second epoch
ON_DATA = ['--model', 'lenet_bn', '--ctx', 'cpu', '--seed', '0', '--batch-size', '16', '--epochs',
           '1']
SHAPES = {'train-images-idx3-ubyte': (60, 28, 28), 'train-labels-idx1-ubyte': (60,),
          't10k-images-idx3-ubyte': (20, 28, 28), 't10k-labels-idx1-ubyte': (20,)}
WEIGHTS = ('best', 'last', 'final')
# What a run that was stopped and resumed has to have like one that was not.
SAME = ('final.safetensors', 'final.params', 'best.safetensors', 'last.safetensors',
        'previous.safetensors', 'history.csv', 'history.jsonl', 'config.json')


def write_data(sandbox):
    """Small idx files in the place of Fashion-MNIST's, and what the server has to know of them."""
    folder = sandbox.path('home', 'datasets', 'fashion-mnist')
    os.makedirs(folder)
    rng, files = np.random.RandomState(1), {}
    for name, shape in SHAPES.items():
        array = rng.randint(0, 256 if 'images' in name else 10, shape).astype(np.uint8)
        content = (bytes([0, 0, 8, len(shape)]) + b''.join(n.to_bytes(4, 'big') for n in shape)
                   + array.tobytes())
        files[name] = [list(shape), hashlib.sha256(content).hexdigest()]
        with open(os.path.join(folder, name + '.gz'), 'wb') as f:
            f.write(gzip.compress(content, mtime=0))
    with open(sandbox.path('files.json'), 'w') as f:
        json.dump(files, f)
    return folder


class Material:
    """Runs and data to be copied and attacked, and what commands answer about them unharmed."""

    def __init__(self, sandbox, data, server):
        self.sandbox, self.data, self.server = sandbox, data, server
        self.folder = sandbox.path('material')
        os.mkdir(self.folder)
        self.lock, self.cache = threading.Lock(), {}
        self._write_picture()
        self._train('whole', RUN)
        self._train('other', RUN + ['--seed', '1'])
        self._train('halted', RUN, stop_at=HALTED_AT)
        self._train('on_data', ON_DATA)
        self.lines = {name: self.cache['lines', name] for name in ('whole', 'halted', 'on_data')}
        # What 'last' answers where the checkpoint before it is used.
        for run in ('whole', 'halted'):
            copy = shutil.copytree(self.path(run), self.path(run + '-before'))
            os.replace(os.path.join(copy, 'previous.safetensors'),
                       os.path.join(copy, 'last.safetensors'))

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def once(self, key, make):
        """What `make()` gives, called for the first who asks only."""
        with self.lock:
            if key not in self.cache:
                self.cache[key] = make()
            return self.cache[key]

    def run(self, *argv, **how):
        done, = self.server.run(Job(without_page(argv), self.folder, **how))
        return done

    def _write_picture(self):
        """A grey picture of the net's own size, as PGM, which every Pillow reads."""
        pixels = np.random.RandomState(2).randint(0, 256, (28, 28)).astype(np.uint8)
        with open(self.path('picture.pgm'), 'wb') as f:
            f.write(b'P5 28 28 255\n' + pixels.tobytes())

    def _train(self, name, options, **how):
        done = self.run('train', '--out', name, *options, **how)
        if done.code != (130 if how else 0):
            raise RuntimeError('%s ended with code %d:\n%s' % (done.job.words, done.code, done.err))
        self.cache['lines', name] = said(done)

    def answer(self, command, run, weights):
        """The lines of `evaluate` or `predict` by the weights of an unharmed run."""
        def ask():
            more = ['--png', 'matrix.png'] if command == 'evaluate' else ['picture.pgm']
            done = self.run(command, run, '--ctx', 'cpu', '--weights', weights, *more)
            if done.code:
                raise RuntimeError('%s ended with code %d:\n%s'
                                   % (done.job.words, done.code, done.err))
            return said(done)
        return self.once((command, run, weights), ask)
