"""Picture files that are damaged, huge, or no files at all; then a net is asked what is on them."""
import functools
import os
from typing import Any, Dict, List, Tuple

from . import bombs, mutations, places
from .sandbox import NotTried
from .verdict import (
    CLEAN,
    EQUAL,
    OK,
    Defect,
    clean_error,
    left_behind,
    said,
    snapshot,
    survived,
)

MOST = 500 << 20  # bytes beyond what a small picture takes
FORMATS = ('PNG', 'JPEG', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM')


def library():
    try:
        from PIL import Image
        return Image
    except ImportError:
        raise NotTried('Pillow is not installed')


def originals(room):
    """{name: bytes} of small pictures of every format that this Pillow writes."""
    def make():
        import io
        Image = library()
        grey = Image.linear_gradient('L').resize((40, 30)).rotate(20)
        colour = Image.merge('RGB', [grey, grey.rotate(90), grey.rotate(180)])
        alpha = colour.convert('RGBA')
        alpha.putalpha(grey)
        deep = grey.convert('I').point(lambda value: value * 257).convert('I;16')
        kinds: List[Tuple[str, Any, Dict[str, Any]]] = [
            ('grey', grey, {}), ('colour', colour, {}), ('alpha', alpha, {}),
            ('16-bit', deep, {}), ('palette', colour.convert('P'), {}),
            ('bits', grey.convert('1'), {}), ('lzw', grey, {'compression': 'tiff_lzw'}),
            ('progressive', colour, {'progressive': True}),
            ('lossless', colour, {'lossless': True}),
            ('exif', colour, {'exif': b'Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0'
                                      b'\0\0\0\0'})]
        only = {'lzw': ('TIFF',), 'progressive': ('JPEG',), 'lossless': ('WEBP',),
                'exif': ('JPEG', 'PNG', 'WEBP'), '16-bit': ('PNG', 'TIFF')}
        found = {}
        for name, picture, how in kinds:
            for kind in only.get(name, FORMATS):
                content = io.BytesIO()
                try:
                    picture.save(content, kind, **how)
                except (OSError, KeyError, ValueError):
                    continue  # a mode that the format lacks, or a format that this Pillow lacks
                found['%s.%s' % (name, kind.lower())] = content.getvalue()
        return found
    return room.material.once('pictures', make)


def unharmed(room, name):
    """(answer, memory) of an original, as `predict` gives it."""
    def make():
        path = room.material.path(name)
        with open(path, 'wb') as f:
            f.write(pictures[name])
        done = room.material.run('predict', 'whole', path, '--ctx', 'cpu')
        if done.code:
            raise Defect('an unharmed picture is not answered: ' + name, done)
        return done.out.strip().split(': ', 1)[1], done.peak
    pictures = originals(room)
    return room.material.once(('picture', name), make)


def draw(room):
    rng = room.rng
    name = rng.choice(sorted(originals(room)))
    kind = rng.random()
    if kind < 0.12:
        return attack(room, name, functools.partial(put, rng.choice(places.ALL)))
    if kind < 0.2:
        return attack(room, name, functools.partial(bombs.larger, rng.choice(bombs.SIZES)))
    return attack(room, name, damaged)


def damaged(room, path):
    with open(path, 'rb') as f:
        words, data = mutations.mutate(room.rng, f.read())
    with open(path, 'wb') as f:
        f.write(data)
    return words


def put(place, room, path):
    return places.put(room, place, path)


def attack(room, name, change, called=None, seconds=60):
    """Change a picture and ask what is on it, and on a good one after it; the verdict."""
    pictures = originals(room)
    if name not in pictures:
        raise NotTried('this Pillow does not write ' + name)
    path = room.path(called or name)
    with open(os.fsencode(path), 'wb') as f:
        f.write(pictures[name])
    room.note('%s: %s' % (name, change(room, path)))
    return ask(room, path, name.endswith('.png'), unharmed(room, name), seconds)


def ask(room, path, checked, want, seconds=60):
    """Ask what is on the picture at `path`; the verdict. `checked`: damage has to be noticed.

    `want` is (answer, memory) of the picture that it may have been, or None and memory.
    """
    good = room.material.path('picture.pgm')
    run, before = room.material.path('whole'), snapshot(room.folder)
    done = room.run('predict', run, '--ctx', 'cpu', '--', path, good, seconds=seconds)
    survived(done)
    left_behind(before, snapshot(room.folder))
    if before != snapshot(room.folder):
        raise Defect('files were changed', done)
    if done.peak > want[1] + MOST:
        raise Defect('%d MB for one picture' % ((done.peak - want[1]) >> 20), done)
    lines = said(done)
    if not lines or lines[-1] != room.material.answer('predict', 'whole', 'best')[0].replace(
            'picture.pgm', good):
        raise Defect('the good picture after it is not answered', done)
    if done.code:
        return clean_error(done, path)
    if len(lines) < 2:
        raise Defect('no answer and no error', done)
    if done.out.split(': ', 1)[1].splitlines()[0] == want[0]:
        return EQUAL
    if checked and want[0]:
        raise Defect('another answer, and nothing said', done)
    return OK


def bomb(make):
    """A case of a picture that is made in the room by `make(path)`; small, and unfolds to much."""
    def run(room):
        library()
        want = None, unharmed(room, 'grey.png')[1]
        path = room.path('bomb')
        make(path)
        room.note('%d bytes' % os.stat(path).st_size)
        return ask(room, path, False, want)
    return run


def refused(make, *words):
    """A case of a picture that is to be refused, with one of `words` in the reason."""
    def run(room):
        verdict = bomb(make)(room)
        if verdict != CLEAN:
            raise Defect('it was answered: %s' % (words,))
        return verdict
    return run


def warned(room):
    """What a decoder warns of is passed on, with the picture's name and not as Python shows it."""
    unharmed(room, 'grey.png')
    path = room.path('warned.jpeg')
    bombs.broken_exif(path)
    done = room.run('predict', room.material.path('whole'), path, '--ctx', 'cpu')
    survived(done)
    if not [line for line in done.err.splitlines() if path in line and 'EXIF' in line]:
        raise Defect('the decoder\'s warning is not passed on', done)
    return OK if done.code == 0 else clean_error(done, path)


def unchanged(room, path):
    return 'unharmed'


FIXED = {
    '13-a-warning-is-passed-on': warned,
    'frames-gif': refused(functools.partial(bombs.frames, 'GIF'), 'frames'),
    'frames-tiff': refused(functools.partial(bombs.frames, 'TIFF'), 'frames'),
    'frames-png': refused(functools.partial(bombs.frames, 'PNG'), 'frames'),
    'frames-webp': refused(functools.partial(bombs.frames, 'WEBP'), 'frames'),
    'no-pixels-ppm': refused(functools.partial(bombs.text, b'P5 0 0 255\n')),
    'no-pixels-png': refused(functools.partial(bombs.png, 0, 0, 8, 0)),
    'wrong-extension': lambda room: attack(room, 'grey.png', unchanged, 'grey.jpeg'),
    'name-that-is-no-text': lambda room: attack(room, 'grey.png', unchanged, 'gr\udcffy.png'),
    'name-of-two-lines': lambda room: attack(room, 'grey.png', unchanged, 'two\nlines.png')}
for _name, _make in bombs.ALL.items():
    FIXED['6-' + _name] = bomb(_make)
for _name in ('grey.gif', 'colour.webp', 'grey.png', 'colour.jpeg', 'grey.tiff', 'grey.bmp',
              'grey.ppm'):
    for _place in (places.sparse_tail, places.sparse_giant, places.pipe):
        FIXED['6-%s-%s' % (_place.__name__.replace('_', '-'), _name)] = functools.partial(
            attack, name=_name, change=functools.partial(put, _place))
    FIXED['13-damaged-' + _name] = functools.partial(attack, name=_name, change=damaged)
