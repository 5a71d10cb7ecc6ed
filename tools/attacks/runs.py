"""Damage or replace a file of a run, then use the run."""
import functools
import json
import os

from . import damage
from .fixtures import SAME
from .kills import compare_files
from .verdict import EQUAL, ask, clean_error, snapshot, survived, unchanged

# The files of a run, with the most important ones repeated so that they are attacked more often.
FILES = ['config.json'] * 4 + ['last.safetensors'] * 4 + ['best.safetensors'] * 3 + [
    'final.safetensors'] * 2 + ['previous.safetensors', 'times.csv', 'history.csv',
                                'history.jsonl', 'final.params']


def draw(room):
    """Damage a random file of a run, then resume the run, evaluate it, or predict with it."""
    return attack(room, room.rng.choice(FILES),
                  room.rng.choice((damage.anything, damage.anything, of_another_run)),
                  room.rng.choice(('resume', 'resume', 'evaluate', 'predict')))


def of_another_run(room, path):
    """Replace a file with the same file from a run with a different seed."""
    other = os.path.join(room.fixtures.run('other').folder, os.path.basename(path))
    with open(other, 'rb') as f:
        content = f.read()
    return damage.rewrite(path, lambda data: ('from another run', content))


def _edited(key, value):
    """Return a function that changes a value in config.json but not the file's checksum."""
    return damage.replaced(lambda data: json.dumps(dict(json.loads(data), **{key: value})).encode())


def attack(room, name, change, use):
    """Damage the file `name` of a run, then use the run; return the verdict."""
    base = 'stopped' if use == 'resume' else 'complete'
    run = room.copy(base)
    room.note(change(room, os.path.join(run, name)))
    if use == 'resume':
        return _resume(room, run, name)
    weights = 'final' if name == 'final.safetensors' else 'best'
    argv = [use, run, '--ctx', 'cpu', '--weights', weights] + (
        [room.fixtures.picture] if use == 'predict' else [])
    return ask(room, argv, [run], room.fixtures.answer(use, base, weights))


def _resume(room, run, name):
    """Resume a run whose file `name` was damaged; return the verdict.

    The result must equal that of an undamaged run, or the command must fail with a clean error.
    """
    before, inside = snapshot(room.folder), os.path.join('run', name)
    done = room.run('train', '--resume', run, '--no-report')
    survived(done)
    after = snapshot(room.folder)
    unchanged(before, after, lambda file: file.startswith('run' + os.sep) or file == 'elsewhere',
              done)
    if done.code:
        return clean_error(done, run)
    # The interruption saved one more checkpoint, so previous.safetensors is a different one.
    unused = ('previous.safetensors', name if before.get(inside) == after.get(inside) else '')
    compare_files(run, room.fixtures.run('complete').folder, done,
                  [file for file in SAME if file not in unused])
    return EQUAL


FIXED = {'%s, %s' % (words, use): functools.partial(attack, name=name, change=change, use=use)
         for words, name, change, use in [
             ('config twice', 'config.json', damage.replaced(lambda data: data + data), 'evaluate'),
             *[('edited ' + key, 'config.json', _edited(key, value), use)
               for key, value in [('seed', 5), ('label_smoothing', 0.3),
                                  ('dataset', 'fashion-mnist')] for use in ('resume', 'evaluate')],
             *[('another run\'s ' + name, name, of_another_run, 'evaluate')
               for name in ('best.safetensors', 'final.safetensors')],
             *[('%s for %s' % (kind, name), name, damage.put(kind), use) for kind, name, use in [
                 ('pipe', 'config.json', 'resume'), ('pipe', 'last.safetensors', 'resume'),
                 ('pipe', 'times.csv', 'resume'), ('pipe', 'final.params', 'resume'),
                 ('link', 'history.csv', 'resume'), ('link', 'final.params', 'resume'),
                 ('link', 'last.safetensors', 'resume'), ('pipe', 'best.safetensors', 'evaluate'),
                 ('sparse giant', 'config.json', 'evaluate'),
                 ('large tail', 'final.safetensors', 'evaluate')]]]}
