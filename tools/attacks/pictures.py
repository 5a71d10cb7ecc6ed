"""Damage or replace an image file, then predict its class."""
import contextlib
import functools
import io

from . import damage
from .verdict import NotTried, output, run_on_damage

FORMATS = ('PNG', 'JPEG', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM')


def originals():
    """Return small images in all FORMATS that the installed Pillow can write, as {name: bytes}."""
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
            # Skip image modes that the format lacks, and formats that Pillow cannot write.
            with contextlib.suppress(OSError, KeyError, ValueError):
                image.save(content, kind)
                found['%s.%s' % (name, kind.lower())] = content.getvalue()
    return found


def draw(sandbox):
    """Damage a randomly chosen image in a random way, then predict its class."""
    names = sorted(sandbox.fixtures.once('pictures', originals))
    return attack(sandbox, sandbox.rng.choice(names), damage.anything)


def attack(sandbox, name, change):
    """Damage an image, then run a single `predict` command on it and an undamaged image."""
    fixtures, path = sandbox.fixtures, sandbox.path(name)
    with open(path, 'wb') as f:
        f.write(fixtures.once('pictures', originals)[name])
    argv = ['predict', fixtures.run('complete').folder, '--ctx', 'cpu', path]
    answer = fixtures.once(('picture', name), lambda: output(
        fixtures.command(*argv))[0].split(': ', 1)[1])
    sandbox.note('%s: %s' % (name, change(sandbox, path)))
    good_line = fixtures.answer('predict', 'complete', 'best')[0]
    # Accept any prediction for a damaged file that is not a PNG: other formats have no checksums,
    # so the damage may yield a different valid image.
    return run_on_damage(
        sandbox, argv + [fixtures.picture], [path], ['%s: %s' % (path, answer), good_line],
        [good_line], lambda done: not name.endswith('.png') and path in done.out)


FIXED = {'%s for %s' % (kind, name): functools.partial(
    attack, name=name, change=damage.put(kind))
    for name in ('grey.gif', 'colour.jpeg', 'grey.ppm', 'grey.png')
    for kind in ('sparse tail', 'large tail', 'pipe')}
