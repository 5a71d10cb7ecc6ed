"""A run's files are damaged, forged, or something else altogether; then the run is used."""
import functools
import json
import os

from . import forged, mutations, places, used
from .material import SAME, WEIGHTS

# The files of a run, the more often attacked the more hangs on them.
FILES = (['config.json'] * 5 + ['last.safetensors'] * 4 + ['best.safetensors'] * 3 +
         ['final.safetensors'] * 2 + ['previous.safetensors', 'times.csv', 'times.csv',
                                      'history.csv', 'history.jsonl', 'clock.json', 'curves.png',
                                      'final.params'])


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
    return copy(room, run, name, room.rng.choice(
        ['other/' + name] * 2 + ['whole/' + other for other in SAME]))


def of_another_run(room, run, name):
    return copy(room, run, name, 'other/' + name)


def copy(room, run, name, other):
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
    if change is forged.tensors and name.startswith('final'):
        use = 'evaluate'  # a halted run has none to be forged
    base = 'halted' if use == 'resume' else 'whole'
    run = room.copy(base, 'run')
    words = change(room, run, name)
    room.note(words)
    if use == 'resume':
        # A later checkpoint of the same run is as good as the last; the one before it stays.
        later = change is swap and name == 'last.safetensors'
        return used.resume(room, run, name, ['previous.safetensors'] if later else [])
    weights = name.split('.')[0] if name.split('.')[0] in WEIGHTS else rng.choice(WEIGHTS)
    if name == 'previous.safetensors':
        weights = 'last'
    return used.ask(room, run, use, base, weights)


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
        FIXED['2-edited-%s-%s' % (_key, _use)] = fixed(
            'config.json', edited(**{_key: _value}), _use)
        FIXED['2-forged-%s-%s' % (_key, _use)] = fixed(
            'config.json', forged.config_with(**{_key: _value}), _use)
FIXED.update({
    '3-config-of-noise': fixed(
        'config.json', replaced(lambda data: bytes(range(256)) * 4), 'resume'),
    '3-config-nested-deep': fixed(
        'config.json', replaced(lambda data: b'[' * 200000), 'evaluate'),
    '3-config-twice': fixed('config.json', replaced(lambda data: data + data), 'evaluate'),
    '3-times-short-row': fixed('times.csv', replaced(
        lambda data: data.rsplit(b',', 1)[0] + b'\n'), 'resume'),
    '3-times-blank-line': fixed('times.csv', replaced(lambda data: data + b'\n'), 'resume'),
    '3-times-word': fixed('times.csv', replaced(lambda data: data + b'x,y,z\n'), 'resume'),
    '4-final-of-another-run': fixed('final.safetensors', of_another_run, 'evaluate')})
for _name in ('config.json', 'last.safetensors', 'times.csv', 'history.csv', 'clock.json',
              'curves.png', 'final.params', 'best.safetensors'):
    FIXED['6-pipe-for-%s' % _name] = fixed(_name, functools.partial(put, places.pipe), 'resume')
for _name in ('config.json', 'best.safetensors', 'final.safetensors', 'last.safetensors'):
    FIXED['6-pipe-asked-%s' % _name] = fixed(_name, functools.partial(put, places.pipe), 'evaluate')
    FIXED['9-sparse-%s' % _name] = fixed(_name, functools.partial(put, places.sparse_giant),
                                         'evaluate')
    FIXED['9-large-%s' % _name] = fixed(_name, functools.partial(put, places.large_tail),
                                        'evaluate')
    FIXED['1-zero-device-for-%s' % _name] = fixed(_name, functools.partial(put, places.zero),
                                                  'evaluate')
for _name in ('history.csv', 'times.csv', 'curves.png', 'final.params', 'final.safetensors',
              'previous.safetensors', 'last.safetensors'):
    FIXED['1-null-device-for-%s' % _name] = fixed(_name, functools.partial(put, places.null),
                                                  'resume')
    FIXED['1-link-for-%s' % _name] = fixed(_name, functools.partial(put, places.link), 'resume')
for _name, (_file, _change, _use) in forged.FIXED.items():
    FIXED[_name] = fixed(_file, _change, _use)
