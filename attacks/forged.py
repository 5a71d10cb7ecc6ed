"""Files of a run with other contents and checksums that are right: config and tensors."""
import json
import os

import numpy as np

from . import forge, mutations

FREE = forge.FREE
# Values that anybody may ask for when a run is resumed, and that would only train long.
_LONG = ('epochs',)


def config(room, run, name):
    """A value of config.json of another type or range, under a checksum that is right, or not."""
    rng, path = room.rng, os.path.join(run, name)
    with open(path) as f:
        values = json.load(f)
    key = rng.choice(sorted(values))
    how = rng.random()
    if how < 0.12:
        del values[key]
        words = '%s taken out' % key
    elif how < 0.2:
        values[rng.choice(['extra', '', key + '2', '__class__'])] = rng.choice(mutations.VALUES)
        words = 'an entry more'
    else:
        if key in _LONG:
            values[key] = rng.choice([v for v in mutations.VALUES
                                      if not (isinstance(v, int) and v > 3)])
        else:
            values[key] = rng.choice(mutations.VALUES)
        words = '%s is %.60r' % (key, values[key])
    signed = rng.choice(('signed', 'signed and identified', 'unsigned'))
    content = json.dumps(values).encode() if signed == 'unsigned' else forge.sign_config(
        values, identity=signed != 'signed')
    with open(path, 'wb') as f:
        f.write(content)
    return 'config.json: %s, %s' % (words, signed)


def config_with(**changes):
    """A change of config.json to these values, all checksums made right."""
    def change(room, run, name):
        path = os.path.join(run, name)
        with open(path) as f:
            values = json.load(f)
        with open(path, 'wb') as f:
            f.write(forge.sign_config(dict(values, **changes)))
        return 'config.json forged: %s' % changes
    return change


def tensors(room, run, name):
    """Tensors of another structure under a checksum that is right."""
    path = os.path.join(run, name)
    arrays, info = forge.read(path)
    lie = None
    choices = list(ARRAYS) + list(HEADERS) + (list(INFO) if 'step' in info else [])
    if room.rng.random() < 0.05:
        return giant(room, run, name)
    chosen = room.rng.choice(choices)
    if chosen in HEADERS:
        def lie(header):
            HEADERS[chosen](room.rng, header)
    elif chosen in ARRAYS:
        ARRAYS[chosen](room.rng, arrays)
    else:
        was = dict(info)
        INFO[chosen](room.rng, info, arrays)
        chosen += ': ' + ', '.join('%s is %.60r' % (key, info[key]) for key in info
                                   if key not in was or info[key] is not was[key])
    write_both(path, run, name, arrays, info, lie)
    return '%s forged: %s' % (name, chosen)


def write_both(path, run, name, arrays, info, lie=None):
    forge.write(path, arrays, info, lie)
    before = os.path.join(run, 'previous.safetensors')
    if name == 'last.safetensors' and os.path.exists(before):
        os.unlink(before)  # so that nothing is left to fall back on


def _weight(rng, arrays):
    """The name of some array of weights or of the optimizer."""
    return rng.choice(sorted(name for name in arrays if name not in ('numpy', 'python')))


def _change(function):
    def change(rng, arrays):
        name = _weight(rng, arrays)
        arrays[name] = function(rng, arrays[name])
    return change


def _fill(value):
    def fill(rng, array):
        array = array.copy()
        if array.size:
            array.flat[rng.randrange(array.size)] = value
        return array
    return _change(fill)


def _rename(rng, arrays):
    name = _weight(rng, arrays)
    arrays[rng.choice([name + 'x', 'weights/cpu(0)/', '', 'weights/cpu(7)/0.bias', '../../x',
                       'weights//', 'optimizer/'])] = arrays.pop(name)


ARRAYS = {
    'a tensor is missing': lambda rng, arrays: arrays.pop(_weight(rng, arrays)),
    'a tensor more': lambda rng, arrays: arrays.update(
        {rng.choice(['x', 'weights/cpu(0)/99.bias', 'weights/cpu(1)/0.bias', 'weights/x',
                     'optimizer/cpu(0)/0.bias/7']): np.zeros(3, 'float32')}),
    'a tensor by another name': _rename,
    'another type': _change(lambda rng, array: array.astype(
        rng.choice(['float64', 'float16', 'int32', 'uint8', 'bool', 'int64']))),
    'another shape': _change(lambda rng, array: rng.choice([
        array[None], array.reshape(-1), array[:0], array[:-1], np.concatenate([array, array]),
        np.zeros((), 'float32'), np.zeros((0, 5), 'float32'), array.T])),
    'a weight is no number': _fill(np.nan), 'a weight is infinite': _fill(np.inf),
    'no weights': lambda rng, arrays: [arrays.pop(name) for name in list(arrays)
                                       if name not in ('numpy', 'python')],
    'nothing': lambda rng, arrays: arrays.clear(),
    'a huge tensor more': lambda rng, arrays: arrays.update(big=np.zeros(1 << 28, 'uint8')),
    'generator too short': lambda rng, arrays: arrays.update(numpy=np.zeros(3, 'uint32')),
    'generator of another type': lambda rng, arrays: arrays.update(
        python=np.zeros(625, 'float32')),
    'generator beyond its end': lambda rng, arrays: arrays.update(
        python=np.full(625, 2 ** 32 - 1, 'uint32'))}


def _entry(rng, header):
    return header[rng.choice(sorted(name for name in header if name != '__metadata__'))]


HEADERS = {
    'offsets beyond the end': lambda rng, header: _entry(rng, header).update(
        data_offsets=[0, 2 ** 62]),
    'offsets that overlap': lambda rng, header: _entry(rng, header).update(data_offsets=[0, 24]),
    'negative offsets': lambda rng, header: _entry(rng, header).update(data_offsets=[-8, 0]),
    'a shape that overflows': lambda rng, header: _entry(rng, header).update(
        shape=[2 ** 32, 2 ** 32]),
    'a shape of words': lambda rng, header: _entry(rng, header).update(shape=['x']),
    'an unknown type': lambda rng, header: _entry(rng, header).update(dtype='F128'),
    'a type that numpy lacks': lambda rng, header: _entry(rng, header).update(dtype='BF16'),
    'more metadata': lambda rng, header: header['__metadata__'].update(more='x'),
    'metadata of a number': lambda rng, header: header['__metadata__'].update(info='7 ' + header[
        '__metadata__']['info'])}


def _set(*keys):
    """Set one of `keys` of the info to something else, that it cannot be."""
    def change(rng, info, arrays):
        key = rng.choice(keys)
        info[key] = rng.choice([v for v in mutations.VALUES if v != info.get(key)
                                and not (key in ANY_NUMBER and _is_number(v))])
    return change


# By their checksum these are right whatever number they are: another run could have had it.
ANY_NUMBER = ('loss', 'hits', 'python')


def _is_number(value):
    return isinstance(value, (int, float)) and value not in (float('inf'), -float('inf')) and (
        value == value and not isinstance(value, bool))


def _set_inner(key):
    def change(rng, info, arrays):
        inner = info[key]
        if isinstance(inner, dict) and inner:
            inner[rng.choice(sorted(inner))] = rng.choice(mutations.VALUES)
        elif isinstance(inner, list) and inner:
            inner[rng.randrange(len(inner))] = rng.choice(mutations.VALUES)
        else:
            info[key] = [rng.choice(mutations.VALUES)]
    return change


def _counts(rng, info, arrays):
    for name in info['counts']:
        info['counts'][name] = info['step'] + rng.choice((1, -1, 10 ** 6))


INFO = {
    'an entry is missing': lambda rng, info, arrays: info.pop(rng.choice(sorted(info))),
    'an entry more': lambda rng, info, arrays: info.update(more=1),
    'another value': _set('step', 'epoch', 'batch', 'images', 'loss', 'hits', 'rows', 'counts',
                          'best_epoch', 'optimizer', 'numpy', 'python', 'identity'),
    'another count': _counts, 'a count of another kind': _set_inner('counts'),
    'another number of the optimizer': _set_inner('optimizer'),
    'another generator': _set_inner('numpy'), 'another row': _set_inner('rows'),
    'steps that cannot be': lambda rng, info, arrays: info.update(step=info['step'] + 1),
    'more hits than images': lambda rng, info, arrays: info.update(hits=info['images'] + 1000.0),
    'a loss below zero': lambda rng, info, arrays: info.update(loss=-5.0)}


def _forged(table, key):
    import random

    def change(room, run, name):
        path = os.path.join(run, name)
        arrays, info = forge.read(path)
        rng = random.Random(0)
        lie = None
        if table is HEADERS:
            def lie(header):
                HEADERS[key](rng, header)
        else:
            table[key](*(rng, info, arrays) if table is INFO else (rng, arrays))
        write_both(path, run, name, arrays, info, lie)
        return '%s forged: %s' % (name, key)
    return change


def giant(room, run, name):
    """A header that claims as much as a hole in the file holds."""
    path, size = os.path.join(run, name), room.rng.choice(
        (1 << 28, (1 << 30) - (1 << 20), (1 << 31) - 4096))
    arrays, info = forge.read(path)

    def lie(header):
        start = max(entry['data_offsets'][1] for key, entry in header.items()
                    if key != '__metadata__')
        header['big'] = {'dtype': 'U8', 'shape': [size - start], 'data_offsets': [start, size]}
    write_both(path, run, name, arrays, info, lie)
    with open(path, 'rb') as f:
        header = int.from_bytes(f.read(8), 'little')
    os.truncate(path, 8 + header + size)
    return '%s forged: a hole of %d bytes' % (name, size)


FIXED = {'6-last-of-a-hole': ('last.safetensors', giant, 'resume'),
         '6-best-of-a-hole': ('best.safetensors', giant, 'evaluate'),
         '6-final-of-a-hole': ('final.safetensors', giant, 'evaluate')}
for _table in (ARRAYS, HEADERS, INFO):
    for _key in _table:
        _words = _key.replace(' ', '-')
        FIXED['3-last-' + _words] = 'last.safetensors', _forged(_table, _key), 'resume'
        if _table is not INFO:
            FIXED['3-final-' + _words] = 'final.safetensors', _forged(_table, _key), 'evaluate'
