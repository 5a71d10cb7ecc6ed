"""A run's files are damaged, forged, or something else altogether; then the run is used."""
import functools
import json
import os

from . import forged, mutations, places
from .material import SAME, WEIGHTS
from .verdict import (
    EQUAL,
    OK,
    Defect,
    changed,
    clean_error,
    digest,
    left_behind,
    said,
    snapshot,
    survived,
    unchanged,
)

# The files of a run, the more often attacked the more hangs on them.
FILES = (['config.json'] * 5 + ['last.safetensors'] * 4 + ['best.safetensors'] * 3 +
         ['final.safetensors'] * 2 + ['previous.safetensors', 'times.csv', 'times.csv',
                                      'history.csv', 'history.jsonl', 'clock.json', 'curves.png',
                                      'final.params'])
USED_BEFORE = 'The checkpoint before it is used'


def draw(room):
    rng, name = room.rng, room.rng.choice(FILES)
    kind = rng.random()
    if kind < 0.2:
        return attack(room, name, functools.partial(put, rng.choice(places.ALL)))
    if kind < 0.3 and name.endswith('.safetensors'):
        return attack(room, name, swap)
    if kind < 0.65 and name == 'config.json':
        return attack(room, name, forged.config)
    if kind < 0.75 and name.endswith('.safetensors'):
        return attack(room, name, forged.tensors)
    if name.endswith('.csv') and kind < 0.8:
        return attack(room, name, lines)
    return attack(room, name, bytes_)


# What is done to a file: each takes the room, the run and the file's name, and gives words.

def bytes_(room, run, name):
    return rewrite(run, name, functools.partial(mutations.mutate, room.rng))


def lines(room, run, name):
    return rewrite(run, name, functools.partial(mutations.text_lines, room.rng))


def put(place, room, run, name):
    return places.put(room, place, os.path.join(run, name))


def swap(room, run, name):
    """The file of the same name of another run, or another file of this one."""
    other = room.rng.choice(['other/' + name] * 2 + ['whole/' + other for other in SAME])
    with open(room.material.path(other), 'rb') as f:
        content = f.read()
    return rewrite(run, name, lambda data: (other + ' in place of ' + name, content))


def rewrite(run, name, change):
    path = os.path.join(run, name)
    data = b'{}\n'
    if os.path.exists(path):
        with open(path, 'rb') as f:
            data = f.read()
    words, data = change(data)
    with open(path, 'wb') as f:
        f.write(data)
    return '%s: %s' % (name, words)


def attack(room, name, change, uses=None):
    """Change the file `name` of a run and use the run; the verdict."""
    rng = room.rng
    use = uses or rng.choice(['resume', 'resume', 'evaluate', 'predict'])
    base = 'halted' if use == 'resume' else 'whole'
    run = room.copy(base, 'run')
    words = change(room, run, name)
    room.note(words)
    if use == 'resume':
        return resume(room, run, name, words)
    weights = name.split('.')[0] if name.split('.')[0] in WEIGHTS else rng.choice(WEIGHTS)
    if name == 'previous.safetensors':
        weights = 'last'
    return ask(room, run, name, use, base, weights)


def ask(room, run, name, command, base, weights):
    """Evaluate or predict by a run one of whose files was changed; the verdict."""
    before = snapshot(run)
    more = ['--png', room.path('matrix.png')] if command == 'evaluate' else [
        room.material.path('picture.pgm')]
    done = room.run(command, run, '--ctx', 'cpu', '--weights', weights, *more)
    survived(done)
    unchanged(before, snapshot(run), done=done)
    if done.code:
        return clean_error(done, run)
    answer = [line.replace(room.material.path('picture.pgm'), 'picture.pgm') for line in said(done)]
    if answer == room.material.answers[command, base, weights]:
        return EQUAL
    if USED_BEFORE in done.err and answer == room.material.answers[command, base + '-before',
                                                                   'last']:
        return OK
    raise Defect('another answer, and nothing said', done)


def resume(room, run, name, words):
    """Resume a run one of whose files was changed; the verdict."""
    whole, path = room.material.path('whole'), os.path.join(run, name)
    before, mine = snapshot(run), digest(path)
    others = snapshot(room.folder)
    done = room.run('train', '--resume', run)
    survived(done)
    after = snapshot(run)
    left_behind(before, after)
    lost = [file for file in changed(others, snapshot(room.folder))
            if not file.startswith('run' + os.sep) and not file.startswith('elsewhere-')]
    if lost:
        raise Defect('changed outside of the run: ' + lost[0], done)
    untouched = mine is not None and after.get(name) == mine
    if done.code == 0:
        return ended(room, run, name, untouched, done)
    verdict = clean_error(done, run)
    if changed(before, after):
        # Some was done before the error: with the file as it was, the run has to go on to its end.
        if untouched:
            room.note('%s put back' % name)
            places.put(room, places.nothing, path) if not os.path.isdir(path) else remove(path)
            with open(room.material.path('halted', name), 'rb') as f, open(path, 'wb') as to:
                to.write(f.read())
        again = room.run('train', '--resume', run)
        survived(again)
        if again.code:
            raise Defect('the run is lost: ' + again.err.strip().splitlines()[-1][:200], done)
        check_end(run, whole, None, again)
    return verdict


def remove(path):
    for file in os.listdir(path):
        os.unlink(os.path.join(path, file))
    os.rmdir(path)


def ended(room, run, name, untouched, done):
    """The verdict on a resumed run that ended with code 0."""
    try:
        with open(os.path.join(run, 'config.json')) as f:
            config = json.load(f)
    except (OSError, ValueError):
        raise Defect('it ended well by a config.json that cannot be read', done)
    with open(room.material.path('whole', 'config.json')) as f:
        asked = json.load(f)
    other = sorted(key for key in asked if config.get(key) != asked[key])
    if set(other) <= set(forged.FREE):
        if 'epochs' in other:  # which anybody may ask for: another end, and rightly so
            return OK
    else:
        raise Defect('it ended well by another config: ' + ', '.join(other), done)
    check_end(run, room.material.path('whole'), name if untouched else None, done, other)
    if not untouched and said(done) != room.material.lines['whole'][-len(said(done)):]:
        raise Defect('other lines were printed', done)
    return EQUAL


def check_end(run, whole, without, done, other=()):
    """Defect unless the run's files are those of the whole one, but for what was left as it was."""
    names = [file for file in SAME if file != without and os.path.isfile(os.path.join(run, file))]
    if other:  # another rhythm of checkpoints
        names = ['final.safetensors', 'final.params', 'history.csv']
    missing = [file for file in SAME if file != without
               and not os.path.lexists(os.path.join(run, file))]
    if missing:
        raise Defect('missing in the end: ' + missing[0], done)
    if 'last.damaged' in os.listdir(run):
        os.path.isdir(os.path.join(run, 'last.damaged')) or os.unlink(
            os.path.join(run, 'last.damaged'))
    for file in names:
        compare_file(os.path.join(run, file), os.path.join(whole, file), done)


def compare_file(path, other, done):
    with open(path, 'rb') as one, open(other, 'rb') as two:
        if one.read() != two.read():
            raise Defect('%s is another than it would be' % os.path.basename(path), done)


def fixed(name, change, use):
    return lambda room: attack(room, name, change, use)


def edited(**values):
    """config.json by hand: other values, and no other checksum."""
    def change(room, run, name):
        def edit(data):
            return 'edited: %s' % values, json.dumps(dict(json.loads(data), **values)).encode()
        return rewrite(run, name, edit)
    return change


def replaced(content):
    return lambda room, run, name: rewrite(run, name, lambda data: ('rewritten', content(data)))


FIXED = {}
for _use in ('resume', 'evaluate'):
    for _key, _value in [('seed', 5), ('batch_size', 8), ('label_smoothing', 0.3), ('resize', 56),
                         ('dataset', 'fashion-mnist')]:
        FIXED['2-edited-%s-%s' % (_key, _use)] = fixed('config.json', edited(**{_key: _value}), _use)
        FIXED['2-forged-%s-%s' % (_key, _use)] = fixed(
            'config.json', forged.config_with(**{_key: _value}), _use)
FIXED.update({
    '3-config-of-noise': fixed('config.json', replaced(lambda data: bytes(range(256)) * 4), 'resume'),
    '3-config-nested-deep': fixed('config.json', replaced(lambda data: b'[' * 200000), 'evaluate'),
    '3-config-twice': fixed('config.json', replaced(lambda data: data + data), 'evaluate'),
    '3-times-short-row': fixed('times.csv', replaced(
        lambda data: data.rsplit(b',', 1)[0] + b'\n'), 'resume'),
    '3-times-blank-line': fixed('times.csv', replaced(lambda data: data + b'\n'), 'resume'),
    '3-times-word': fixed('times.csv', replaced(lambda data: data + b'x,y,z\n'), 'resume'),
    '4-final-of-another-run': fixed('final.safetensors', lambda room, run, name: rewrite(
        run, name, lambda data: ('of another run', open(room.material.path('other', name),
                                                        'rb').read())), 'evaluate')})
for _name in ('config.json', 'last.safetensors', 'times.csv', 'history.csv', 'clock.json',
              'curves.png', 'final.params', 'best.safetensors'):
    FIXED['6-pipe-for-%s' % _name] = fixed(_name, functools.partial(put, places.pipe), 'resume')
for _name in ('config.json', 'best.safetensors', 'final.safetensors', 'last.safetensors'):
    FIXED['6-pipe-asked-%s' % _name] = fixed(_name, functools.partial(put, places.pipe), 'evaluate')
    FIXED['9-sparse-%s' % _name] = fixed(_name, functools.partial(put, places.sparse_giant),
                                         'evaluate')
    FIXED['9-large-%s' % _name] = fixed(_name, functools.partial(put, places.large_tail), 'evaluate')
    FIXED['1-zero-device-for-%s' % _name] = fixed(_name, functools.partial(put, places.zero),
                                                  'evaluate')
for _name in ('history.csv', 'times.csv', 'curves.png', 'final.params', 'final.safetensors',
              'previous.safetensors'):
    FIXED['1-null-device-for-%s' % _name] = fixed(_name, functools.partial(put, places.null),
                                                  'resume')
    FIXED['1-link-for-%s' % _name] = fixed(_name, functools.partial(put, places.link), 'resume')
for _name, (_file, _change, _use) in forged.FIXED.items():
    FIXED[_name] = fixed(_file, _change, _use)
