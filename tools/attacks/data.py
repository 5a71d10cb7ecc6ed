"""A file of Fashion-MNIST is damaged; then a net is trained or evaluated on the data."""
import functools
import gzip
import os
import shutil
import zlib

from . import damage
from .material import ON_DATA, SHAPES
from .verdict import ask

NAMES = sorted(SHAPES)
IMAGES, LABELS = NAMES[2:]


def draw(room):
    """Damage a random file at random: what is on the disk, or what is compressed."""
    return attack(room, room.rng.choice(NAMES), room.rng.choice((damage.anything, unpacked)),
                  room.rng.choice(('train', 'evaluate')))


def unpacked(room, path, change=None):
    """Change the bytes that are compressed, at random unless `change(bytes)` does."""
    def within(data):
        data = gzip.decompress(data)
        words, data = ('', change(data)) if change else damage.mutate(room.rng, data)
        return 'within its gzip ' + words, gzip.compress(data)
    return damage.rewrite(path, within)


def swap(room, path):
    """Put the test images in place of the file."""
    shutil.copyfile(os.path.join(room.material.data, NAMES[0] + '.gz'), path)
    return 'the test images in place of ' + os.path.basename(path)


def bomb(room, path):
    """Replace the file by half a gigabyte of zeros, compressed to half a megabyte."""
    packer, zeros = zlib.compressobj(1, zlib.DEFLATED, 31), bytes(1 << 24)
    return damage.rewrite(path, lambda data: ('half a gigabyte in a gzip', b''.join(
        [packer.compress(zeros) for _ in range(32)] + [packer.flush()])))


def attack(room, name, change, command):
    """Change one file of the data and use them: unharmed lines, or an error that names a file."""
    root = shutil.copytree(room.material.data, room.path('data'))
    path = os.path.join(root, name + '.gz')
    room.note(change(room, path))
    if command == 'train':
        argv, want = ['train', *ON_DATA], room.material.run('on data').lines
    else:
        argv = ['evaluate', room.copy('on data'), '--ctx', 'cpu']
        want = room.material.answer('evaluate', 'on data', 'best')
    return ask(room, argv + ['--data-root', root], [path, root], want)


def _header(*lengths):
    """Let the header of a file claim these lengths."""
    return functools.partial(unpacked, change=lambda data: data[:4] + b''.join(
        n.to_bytes(4, 'big') for n in lengths) + data[4 + 4 * data[3]:])


FIXED = {name: functools.partial(attack, name=file, change=change, command=command)
         for name, file, change, command in [
             ('bomb trained on', LABELS, bomb, 'train'),
             ('bomb evaluated on', NAMES[1], bomb, 'evaluate'),
             ('swapped', IMAGES, swap, 'train'),
             ('4 billion images', IMAGES, _header(2 ** 32 - 1, 28, 28), 'train'),
             ('no images', IMAGES, _header(0, 28, 28), 'train'),
             ('one image more', IMAGES, _header(61, 28, 28), 'train'),
             ('gzip in gzip', LABELS, functools.partial(unpacked, change=gzip.compress), 'train'),
             *[(place + ' for images', IMAGES, damage.put(place), 'train')
               for place in damage.PLACES]]}
