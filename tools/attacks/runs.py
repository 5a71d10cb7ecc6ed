"""Damage or replace a file in a run folder, then resume or evaluate the run, or predict with it."""
import functools
import json
import os

from . import damage
from .fixtures import SAME
from .kills import compare_files
from .verdict import EQUAL, clean_error, run_on_damage, snapshot, survived, unchanged

# The files in a run folder. The important ones are repeated, so that they are damaged more often.
FILES = ['config.json'] * 4 + ['last.safetensors'] * 4 + ['best.safetensors'] * 3 + [
    'final.safetensors'] * 2 + ['previous.safetensors', 'times.csv', 'history.csv',
                                'history.jsonl', 'final.params']


def draw(sandbox):
    """Damage a random file in a run folder, then resume or evaluate the run, or predict with it."""
    return attack(sandbox, sandbox.rng.choice(FILES),
                  sandbox.rng.choice((damage.anything, damage.anything, of_another_run)),
                  sandbox.rng.choice(('resume', 'resume', 'evaluate', 'predict')))


def of_another_run(sandbox, path):
    """Replace a file with its counterpart from a run with a different seed."""
    other = os.path.join(sandbox.fixtures.run('other').folder, os.path.basename(path))
    with open(other, 'rb') as f:
        content = f.read()
    return damage.rewrite(path, lambda data: ('from another run', content))


def _edited(key, value):
    """Return a function that changes a value in config.json without updating its checksum."""
    return damage.replaced(lambda data: json.dumps(dict(json.loads(data), **{key: value})).encode())


def attack(sandbox, name, change, use):
    """Damage the file `name` in a run folder, then run `use`: 'resume', 'evaluate' or 'predict'."""
    base = 'stopped' if use == 'resume' else 'complete'
    run = sandbox.copy(base)
    sandbox.note(change(sandbox, os.path.join(run, name)))
    if use == 'resume':
        return _resume(sandbox, run, name)
    weights = 'final' if name == 'final.safetensors' else 'best'
    argv = [use, run, '--ctx', 'cpu', '--weights', weights] + (
        [sandbox.fixtures.picture] if use == 'predict' else [])
    return run_on_damage(sandbox, argv, [run], sandbox.fixtures.answer(use, base, weights))


def _resume(sandbox, run, name):
    """Resume a run whose file `name` was damaged; return the verdict.

    The result must equal that of an undamaged run, or a short error must name the run folder.
    """
    before, inside = snapshot(sandbox.folder), os.path.join('run', name)
    done = sandbox.run('train', '--resume', run, '--no-report')
    survived(done)
    after = snapshot(sandbox.folder)
    unchanged(before, after, lambda file: file.startswith('run' + os.sep) or file == 'elsewhere',
              done)
    if done.code:
        return clean_error(done, run)
    # Do not compare previous.safetensors, because the interrupted run saved an extra checkpoint.
    # If the resumed run left the damaged file unchanged, do not compare that file either.
    unused = ('previous.safetensors', name if before.get(inside) == after.get(inside) else '')
    compare_files(run, sandbox.fixtures.run('complete').folder, done,
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
