"""A file of a run is damaged, or something else stands in its place; then the run is used."""
import functools
import json
import os
import shutil

from . import damage
from .kills import compare_files
from .material import SAME
from .verdict import EQUAL, OK, Defect, ask, clean_error, said, snapshot, survived, unchanged

# The files of a run; those that more depends on are attacked more often.
FILES = ['config.json'] * 4 + ['last.safetensors'] * 4 + ['best.safetensors'] * 3 + [
    'final.safetensors'] * 2 + ['previous.safetensors', 'times.csv', 'history.csv',
                                'history.jsonl', 'clock.json', 'final.params']
USED_BEFORE = 'The checkpoint before it is used'


def draw(room):
    """Damage a random file of a run, and resume it, evaluate it, or predict with it."""
    return attack(room, room.rng.choice(FILES),
                  room.rng.choice((damage.anything, damage.anything, of_another_run)),
                  room.rng.choice(('resume', 'resume', 'evaluate', 'predict')))


def of_another_run(room, path):
    """Replace the file by that of a run with another seed."""
    other = os.path.join(room.material.run('other').folder, os.path.basename(path))
    with open(other, 'rb') as f:
        content = f.read()
    return damage.rewrite(path, lambda data: ('of another run', content))


def _replaced(content):
    """Return a change that replaces a file's bytes by `content(bytes)`."""
    return lambda room, path: damage.rewrite(path, lambda data: ('rewritten', content(data)))


def _edited(key, value):
    """Return a change of config.json by hand, which leaves its checksum as it was."""
    return _replaced(lambda data: json.dumps(dict(json.loads(data), **{key: value})).encode())


def attack(room, name, change, use):
    """Change the file `name` of a run and use the run; return the verdict."""
    base = 'stopped' if use == 'resume' else 'complete'
    run = room.copy(base)
    room.note(change(room, os.path.join(run, name)))
    if use == 'resume':
        return _resume(room, run, name)
    weights = name.split('.')[0] if name.split('.')[0] in ('best', 'last', 'final') else 'last'
    argv = [use, run, '--ctx', 'cpu', '--weights', weights] + (
        [room.material.picture] if use == 'predict' else [])
    try:
        return ask(room, argv, [run], room.material.answer(use, base, weights))
    except Defect as defect:
        if defect.done and USED_BEFORE in defect.done.err and said(
                defect.done) == room.material.answer(use, base + '-before', 'last'):
            return OK
        raise


def _resume(room, run, name):
    """Resume a run whose file `name` was changed: it ends as one unharmed, or fails untouched."""
    path, before = os.path.join(run, name), snapshot(room.folder)
    done = room.run('train', '--resume', run, '--no-report')
    survived(done)
    after = snapshot(room.folder)
    unchanged(before, after, lambda file: file.startswith('run' + os.sep) or file == 'elsewhere',
              done)
    unused = before.get(os.path.join('run', name)) == after.get(os.path.join('run', name))
    if done.code == 0:
        _check_end(room, run, name if unused else None, done)
        return EQUAL
    verdict = clean_error(done, run)
    if before != after:
        # Some work was done before the error: with the file as it was, the run has to end well.
        if unused:
            room.note('%s put back' % name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.unlink(path)
            good = os.path.join(room.material.run('stopped').folder, name)
            if os.path.exists(good):  # else it is a file of the run's end
                shutil.copyfile(good, path)
        again = room.run('train', '--resume', run, '--no-report')
        if again.code:
            raise Defect('the run is lost: ' + again.err.strip().splitlines()[-1][:200], done)
        _check_end(room, run, None, again)
    return verdict


def _check_end(room, run, unused, done):
    """Raise Defect unless the run's files, without the `unused` one, are those of a complete run.

    Its previous checkpoint is another one, as an interruption saves once more.
    """
    compare_files(run, room.material.run('complete').folder, done,
                  [name for name in SAME if name not in (unused, 'previous.safetensors')])


FIXED = {'%s, %s' % (words, use): functools.partial(attack, name=name, change=change, use=use)
         for words, name, change, use in [
             ('noise', 'config.json', _replaced(lambda data: bytes(range(256)) * 4), 'resume'),
             ('config twice', 'config.json', _replaced(lambda data: data + data), 'evaluate'),
             ('a short row of times', 'times.csv',
              _replaced(lambda data: data.rsplit(b',', 1)[0] + b'\n'), 'resume'),
             ('a word in times', 'times.csv', _replaced(lambda data: data + b'x,y,z\n'), 'resume'),
             *[('edited ' + key, 'config.json', _edited(key, value), use)
               for key, value in [('seed', 5), ('label_smoothing', 0.3),
                                  ('dataset', 'fashion-mnist')] for use in ('resume', 'evaluate')],
             *[('another run\'s ' + name, name, of_another_run, 'evaluate')
               for name in ('last.safetensors', 'best.safetensors', 'final.safetensors')],
             *[('%s for %s' % (place, name), name, damage.put(place), 'resume')
               for place, name in [
                   ('pipe', 'config.json'), ('pipe', 'last.safetensors'), ('pipe', 'times.csv'),
                   ('pipe', 'final.params'), ('link', 'history.csv'), ('link', 'final.params'),
                   ('link', 'last.safetensors')]],
             *[('%s for %s' % (place, name), name, damage.put(place), 'evaluate')
               for place, name in [
                   ('sparse giant', 'config.json'), ('sparse giant', 'final.safetensors'),
                   ('large tail', 'last.safetensors'), ('pipe', 'best.safetensors')]]]}
