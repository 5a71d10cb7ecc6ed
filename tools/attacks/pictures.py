"""An image file is damaged, or something else in its place; then a net predicts its class."""
import functools
import io
import os
import re

from . import damage
from .sandbox import NotTried
from .verdict import EQUAL, OK, Defect, clean_error, said, shown, snapshot, survived, unchanged

MOST = 500 << 20  # bytes beyond those that a small image takes
FORMATS = ('PNG', 'JPEG', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM')


def originals(room):
    """Return {name: bytes} of small images of every format that this Pillow writes."""
    return room.material.once('pictures', _originals)


def _originals():
    try:
        from PIL import Image
    except ImportError:
        raise NotTried('Pillow is not installed')
    grey = Image.linear_gradient('L').resize((40, 30)).rotate(20)
    colour = Image.merge('RGB', [grey, grey.rotate(90), grey.rotate(180)])
    alpha = colour.convert('RGBA')
    alpha.putalpha(grey)
    kinds = {'grey': grey, 'colour': colour, 'alpha': alpha, 'palette': colour.convert('P'),
             '16-bit': grey.convert('I').point(lambda value: value * 257).convert('I;16')}
    found = {}
    for name, image in kinds.items():
        for kind in FORMATS:
            content = io.BytesIO()
            try:
                image.save(content, kind)
            except (OSError, KeyError, ValueError):
                continue  # a mode that the format lacks, or a format that this Pillow lacks
            found['%s.%s' % (name, kind.lower())] = content.getvalue()
    return found


def draw(room):
    """Damage a random image at random."""
    return attack(room, room.rng.choice(sorted(originals(room))), damage.anything)


def nothing(room, path):
    """Leave the image as it is."""
    return 'unharmed'


def unharmed(room, name):
    """Return (answer, bytes of memory) about an image as it was."""
    def make():
        path = room.material.path(name)
        with open(path, 'wb') as f:
            f.write(originals(room)[name])
        done = room.material.command('predict', room.material.run('complete').folder, path,
                                     '--ctx', 'cpu')
        return said(done)[0].split(': ', 1)[1], done.peak
    return room.material.once(('picture', name), make)


def attack(room, name, change, called=None):
    """Change an image, and predict its class and that of a good one after it."""
    pictures, good = originals(room), room.material.picture
    if name not in pictures:
        raise NotTried('this Pillow does not write ' + name)
    path = room.path(called or name)
    with open(os.fsencode(path), 'wb') as f:
        f.write(pictures[name])
    room.note('%s: %s' % (name, change(room, path)))
    (want, peak), before = unharmed(room, name), snapshot(room.folder)
    done = room.run('predict', room.material.run('complete').folder, '--ctx', 'cpu', '--', path,
                    good)
    survived(done)
    unchanged(before, snapshot(room.folder), done=done)
    if done.peak > peak + MOST:
        raise Defect('%d MB for one image' % ((done.peak - peak) >> 20), done)
    answers = dict(re.findall('^(%s|%s): (.*)' % (re.escape(shown(path)), re.escape(good)),
                              done.out, re.M))
    if '%s: %s' % (good, answers.get(good)) != room.material.answer(
            'predict', 'complete', 'best')[0]:
        raise Defect('the good image after it is not answered', done)
    if done.code:
        return clean_error(done, path)
    if shown(path) not in answers:
        raise Defect('no answer and no error', done)
    if answers[shown(path)] == want:
        return EQUAL
    if name.endswith('.png'):  # only this format has checksums
        raise Defect('another answer, and nothing said', done)
    return OK


FIXED = {'called ' + ascii(called)[1:-1]: functools.partial(
    attack, name='grey.png', change=nothing, called=called)
    for called in ('grey.jpeg', 'gr\udcffy.png', 'two\nlines.png')}
for _name in ('grey.gif', 'colour.jpeg', 'grey.ppm', 'grey.png'):
    for _place in ('sparse tail', 'large tail', 'pipe'):
        FIXED['%s for %s' % (_place, _name)] = functools.partial(
            attack, name=_name, change=damage.put(_place))
