"""A folder of pictures as a data set: one of them is damaged, and a net is trained on them."""
import functools
import os

from . import pictures, places
from .verdict import (
    EQUAL,
    OK,
    Defect,
    clean_error,
    left_behind,
    said,
    shown,
    snapshot,
    survived,
)

# Of two classes, in formats with checksums and without.
NAMES = ('grey.png', 'colour.png', 'grey.bmp', 'colour.jpeg', 'grey.gif', 'alpha.png', 'bits.png',
         'palette.png')
TRAIN = ['--model', 'lenet_bn', '--ctx', 'cpu', '--seed', '0', '--batch-size', '4', '--epochs', '2',
         '--resize', '28', '--test-share', '0.25']
HALTED_AT = 4  # in the second epoch, of three steps
# What is no picture any more, and no file that could be named.
UNSEEN = (places.nothing, places.folder, places.full_folder)


def draw(room):
    rng = room.rng
    change = pictures.damaged
    if rng.random() < 0.25:
        change = functools.partial(pictures.put, rng.choice(places.ALL))
    return attack(room, rng.choice(NAMES), change, resumed=rng.random() < 0.4)


def whole(room):
    """The lines of a run on the unharmed folder, which is in the material with a halted run."""
    def make():
        write(room, originals)
        halted = room.material.run('train', *TRAIN, '--dataset', 'folder:pets', '--out', 'on_pets',
                                   stop_at=HALTED_AT)
        done = room.material.run('train', *TRAIN, '--dataset', 'folder:pets')
        if (halted.code, done.code) != (130, 0):
            raise RuntimeError('a run on a folder ended with code %d: %s' % (done.code, done.err))
        return said(done)
    originals = pictures.originals(room)
    return room.material.once('on_pets', make)


def write(room, found):
    """Write the folder into the material: the pictures of `NAMES`, that this Pillow writes."""
    for kind in ('cat', 'wild dog'):
        os.makedirs(room.material.path('pets', kind))
        for name in NAMES:
            if name in found:
                with open(room.material.path('pets', kind, name), 'wb') as f:
                    f.write(found[name])
    with open(room.material.path('pets', 'cat', 'grey-too.ppm'), 'wb') as f:
        f.write(found['grey.ppm'])


def attack(room, name, change, resumed=False, kind='cat'):
    """Change the picture `name` and train on all, or go on with a run on all; the verdict."""
    lines = whole(room)
    pets = room.copy('pets')
    path = os.path.join(pets, kind, name)
    room.note(change(room, path))
    if resumed:
        room.copy('on_pets', 'run')
    before = snapshot(pets)
    argv = ['--resume', 'run', '--data-root', pets] if resumed else [
        *TRAIN, '--dataset', 'folder:pets']
    done = room.run('train', *argv)
    survived(done)
    left_behind({}, snapshot(room.folder))
    if before != snapshot(pets):
        raise Defect('the pictures are others than before', done)
    if done.code:
        return clean_error(done, path, pets, 'data_sha256')
    if said(done) and said(done) == (lines[-len(said(done)):] if resumed else lines):
        return EQUAL
    if resumed:
        raise Defect('another result of a run that went on', done)
    if shown(name) in done.err or change is not pictures.damaged and change.args[0] in UNSEEN:
        return OK  # it was left out, and told
    if name.endswith('.png') or change is not pictures.damaged:
        raise Defect('another result, and nothing said', done)
    return OK  # another picture now: its format has no checksum


def fixed(place, resumed):
    return lambda room: attack(room, NAMES[0], functools.partial(pictures.put, place), resumed)


FIXED = {}
for _place in places.ALL:
    for _resumed in (False, True):
        FIXED['%s-%s' % (_place.__name__.replace('_', '-'),
                         'resumed' if _resumed else 'trained')] = fixed(_place, _resumed)
for _name in NAMES:
    FIXED['damaged-' + _name] = functools.partial(attack, name=_name, change=pictures.damaged)
