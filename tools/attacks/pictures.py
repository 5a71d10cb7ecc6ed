"""An image file is damaged, or something else in its place; then a net predicts its class."""
import functools
import io
import os

from . import damage
from .sandbox import NotTried
from .verdict import Defect, ask, said, shown

MOST = 1 << 30  # bytes beyond those that a small image takes
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
    images, good = originals(room), room.material.picture
    if name not in images:
        raise NotTried('this Pillow does not write ' + name)
    path = room.path(called or name)
    with open(os.fsencode(path), 'wb') as f:
        f.write(images[name])
    room.note('%s: %s' % (name, change(room, path)))
    answer, peak = unharmed(room, name)
    good_line = room.material.answer('predict', 'complete', 'best')[0]
    # Only PNG has checksums: a damaged file of another format may be another image.
    verdict = ask(room, ['predict', room.material.run('complete').folder, '--ctx', 'cpu', '--',
                         path, good], [path],
                  ('%s: %s\n%s' % (shown(path), answer, good_line)).splitlines(), [good_line],
                  lambda done: not name.endswith('.png') and path in done.out)
    if room.peak > peak + MOST:
        raise Defect('%d MB for one image' % ((room.peak - peak) >> 20))
    return verdict


FIXED = {'called ' + ascii(called)[1:-1]: functools.partial(
    attack, name='grey.png', change=lambda room, path: 'unharmed', called=called)
    for called in ('grey.jpeg', 'gr\udcffy.png', 'two\nlines.png')}
for _name in ('grey.gif', 'colour.jpeg', 'grey.ppm', 'grey.png'):
    for _place in ('sparse tail', 'large tail', 'pipe'):
        FIXED['%s for %s' % (_place, _name)] = functools.partial(
            attack, name=_name, change=damage.put(_place))
