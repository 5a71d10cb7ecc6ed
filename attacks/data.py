"""The files of a data set are damaged; then a net is trained or evaluated on them."""
import functools
import gzip
import os
import shutil
import zlib
from typing import Callable

from . import mutations, places
from .material import ON_DATA, SHAPES
from .verdict import (
    EQUAL,
    Defect,
    clean_error,
    left_behind,
    said,
    snapshot,
    survived,
    unchanged,
)

NAMES = sorted(SHAPES)


def draw(room):
    rng = room.rng
    name = rng.choice(NAMES)
    kind = rng.random()
    change: Callable
    if kind < 0.25:
        change = functools.partial(put, rng.choice(places.ALL))
    elif kind < 0.3:
        change = functools.partial(swap, rng.choice(NAMES))
    elif kind < 0.6:
        change = content
    elif kind < 0.7:
        change = functools.partial(header, rng.choice(HEADERS))
    else:
        change = packed
    return attack(room, name, change, rng.choice(['train', 'train', 'evaluate', 'doctor']),
                  compressed=rng.random() < 0.8)


# What is done to a file: each takes the room and the file's path, and gives words.

def packed(room, path):
    """Damage to the bytes that are on the disk."""
    return rewrite(path, functools.partial(mutations.mutate, room.rng))


def content(room, path):
    """Damage to what is compressed, in a gzip that is right."""
    def change(data):
        if not path.endswith('.gz'):
            return mutations.mutate(room.rng, data)
        words, data = mutations.mutate(room.rng, gzip.decompress(data))
        return 'within its gzip ' + words, gzip.compress(data, mtime=0)
    return rewrite(path, change)


def put(place, room, path):
    return places.put(room, place, path)


def swap(name, room, path):
    shutil.copyfile(os.path.join(room.material.data, name + '.gz'), path)
    return '%s in place of %s' % (name, os.path.basename(path))


def header(what, room, path):
    return rewrite(path, lambda data: (what[0], what[1](
        gzip.decompress(data) if path.endswith('.gz') else data)))


def bomb(room, path):
    """A gigabyte of zeros in a megabyte of gzip."""
    def change(data):
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        return 'a gigabyte in a gzip', b''.join(
            [packer.compress(bytes(1 << 24)) for _ in range(64)] + [packer.flush()])
    return rewrite(path, change)


def rewrite(path, change):
    with open(path, 'rb') as f:
        words, data = change(f.read())
    with open(path, 'wb') as f:
        f.write(data)
    return '%s: %s' % (os.path.basename(path), words)


def _with_lengths(*lengths):
    return lambda data: data[:4] + b''.join(n.to_bytes(4, 'big') for n in lengths) + (
        data[4 + 4 * data[3]:])


HEADERS = [
    ('a header of 2**32 images', _with_lengths(2 ** 32 - 1, 28, 28)),
    ('a header of no images', _with_lengths(0, 28, 28)),
    ('a header of one image more', _with_lengths(61, 28, 28)),
    ('a header of huge images', _with_lengths(60, 2 ** 31, 2 ** 31)),
    ('a header of 255 dimensions', lambda data: data[:3] + b'\xff' + data[4:]),
    ('a header of another type', lambda data: data[:2] + b'\x0d' + data[3:]),
    ('gzip in gzip', lambda data: gzip.compress(gzip.compress(data))),
    ('two gzips', lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:])),
    ('a name in the gzip', lambda data: gzip.compress(data)[:3] + b'\x08' + gzip.compress(data)[
        4:10] + b'x' * 100000 + b'\0' + gzip.compress(data)[10:])]


def attack(room, name, change, use, compressed=True):
    """Change one file of the data and use them; the verdict."""
    root = room.path('home', 'datasets', 'fashion-mnist')
    shutil.copytree(room.material.data, root)
    path = os.path.join(root, name + '.gz')
    if not compressed:
        with gzip.open(path) as f, open(path[:-3], 'wb') as to:
            to.write(f.read())
        os.unlink(path)
        path = path[:-3]
    room.note(change(room, path))
    run = room.copy('on_data', 'run') if use == 'evaluate' else None
    before = snapshot(room.folder)
    home = {'MXNET_HOME': room.path('home')}
    if use == 'doctor':
        done = room.run('doctor', env=home)
    elif use == 'train':
        done = room.run('train', *ON_DATA, '--data-root', root, env={'MXNET_HOME': room.path('no')})
    else:
        done = room.run('evaluate', run, '--ctx', 'cpu', '--png', 'matrix.png', env=home)
    survived(done)
    left_behind(before, snapshot(room.folder))
    if use == 'doctor':
        if done.code not in (0, 1) or (done.code == 1) != ('What is wrong' in done.out):
            raise Defect('exit code %d' % done.code, done)
        unchanged(before, snapshot(room.folder), done=done)
        return EQUAL
    unchanged(before, snapshot(room.folder), ('matrix.png',), done)
    if done.code:
        return clean_error(done, path, root)
    want = room.material.lines['on_data'] if use == 'train' else room.material.answer(
        'evaluate', 'on_data', 'best')
    if said(done) != want:
        raise Defect('another result, and nothing said', done)
    return EQUAL


def fixed(name, change, use, compressed=True):
    return lambda room: attack(room, NAMES[name], change, use, compressed)


FIXED = {}
for _place in places.ALL:
    _name = '6-%s-for-images' % _place.__name__.replace('_', '-')
    FIXED[_name] = fixed(0, functools.partial(put, _place), 'train')
for _use in ('evaluate', 'doctor'):
    FIXED['6-pipe-for-labels-' + _use] = fixed(1, functools.partial(put, places.pipe), _use)
    FIXED['6-zero-for-labels-' + _use] = fixed(1, functools.partial(put, places.zero), _use)
    FIXED['bomb-' + _use] = fixed(2, bomb, _use)
for _i, _what in enumerate(HEADERS):
    FIXED[_what[0].replace(' ', '-')] = fixed(_i % 4, functools.partial(header, _what), 'train',
                                              _i % 2 == 0)
FIXED['bomb-train'] = fixed(2, bomb, 'train')
FIXED['swapped'] = fixed(0, functools.partial(swap, NAMES[2]), 'train')
