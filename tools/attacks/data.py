"""Damage a Fashion-MNIST file, then train or evaluate a net on the data."""
import functools
import gzip
import os
import shutil
import zlib

from . import damage
from .fixtures import ON_DATA, SHAPES
from .verdict import run_on_damage

IMAGES = 'train-images-idx3-ubyte'


def draw(sandbox):
    """Damage a randomly chosen data file: either the gzip file itself or the content inside it."""
    return attack(sandbox, sandbox.rng.choice(sorted(SHAPES)),
                  sandbox.rng.choice((damage.anything, unpacked)),
                  sandbox.rng.choice(('train', 'evaluate')))


def unpacked(sandbox, path):
    """Decompress a gzip file, change its content at random, and compress it again."""
    def within(data):
        words, data = damage.mutate(sandbox.rng, gzip.decompress(data))
        return 'unpacked, ' + words, gzip.compress(data)
    return damage.rewrite(path, within)


def _bomb(data):
    """Return a gzip bomb: half a gigabyte of zeros, compressed to half a megabyte."""
    packer, zeros = zlib.compressobj(1, zlib.DEFLATED, 31), bytes(1 << 24)
    return b''.join([packer.compress(zeros) for _ in range(32)] + [packer.flush()])


def attack(sandbox, name, change, command):
    """Damage a data file, then run `command`: 'train' or 'evaluate'.

    The command must print the same lines as with undamaged data, or fail with an error that names
    the data folder.
    """
    root = shutil.copytree(sandbox.fixtures.data, sandbox.path('data'))
    path = os.path.join(root, name + '.gz')
    sandbox.note(change(sandbox, path))
    if command == 'train':
        argv, want = ['train', *ON_DATA], sandbox.fixtures.run('on data').lines
    else:
        argv = ['evaluate', sandbox.copy('on data'), '--ctx', 'cpu']
        want = sandbox.fixtures.answer('evaluate', 'on data', 'best')
    return run_on_damage(sandbox, argv + ['--data-root', root], [path, root], want)


FIXED = {words: functools.partial(attack, name=name, change=change, command=command)
         for words, name, change, command in [
             ('train on a bomb', IMAGES, damage.replaced(_bomb), 'train'),
             ('evaluate on a bomb', 't10k-labels-idx1-ubyte', damage.replaced(_bomb), 'evaluate'),
             ('gzip in gzip', IMAGES, damage.replaced(gzip.compress), 'train'),
             *[(kind + ' for images', IMAGES, damage.put(kind), 'train')
               for kind in damage.REPLACEMENTS]]}
