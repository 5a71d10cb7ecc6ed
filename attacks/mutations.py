"""Damage to the bytes of a file, drawn at random: each gives what it did, and the bytes."""

def _block(rng, data):
    """(start, size) of some part of `data`, mostly a small one."""
    start = rng.randrange(len(data))
    most = len(data) - start
    return start, rng.randint(1, min(most, rng.choice((1, 8, 64, 512, 4096, most))))


def bit_flips(rng, data):
    data = bytearray(data)
    places = [rng.randrange(len(data)) for _ in range(rng.choice((1, 1, 1, 2, 8, 100)))]
    for place in places:
        data[place] ^= 1 << rng.randrange(8)
    return 'bits flipped at %s' % places[:4], bytes(data)


def truncation(rng, data):
    size = rng.choice((0, 1, len(data) // 2, len(data) - 1, rng.randrange(len(data))))
    return 'cut to %d of %d bytes' % (size, len(data)), data[:size]


def zeros(rng, data):
    start, size = _block(rng, data)
    return 'zeros from %d to %d' % (start, start + size), (
        data[:start] + bytes(size) + data[start + size:])


def noise(rng, data):
    start, size = _block(rng, data)
    return 'noise from %d to %d' % (start, start + size), (
        data[:start] + rng.getrandbits(8 * size).to_bytes(size, 'big') + data[start + size:])


def repeated(rng, data):
    start, size = _block(rng, data)
    times = rng.choice((1, 2, 50))
    return 'bytes from %d to %d %d times more' % (start, start + size, times), (
        data[:start + size] + data[start:start + size] * times + data[start + size:])


def lost(rng, data):
    start, size = _block(rng, data)
    return 'bytes from %d to %d lost' % (start, start + size), data[:start] + data[start + size:]


def swapped(rng, data):
    start, size = _block(rng, data)
    other = rng.randrange(len(data))
    block = data[start:start + size]
    rest = data[:start] + data[start + size:]
    return '%d bytes moved from %d to %d' % (size, start, other), (
        rest[:other] + block + rest[other:])


def lying_number(rng, data):
    """A header's size or count made extreme: a few bytes near the start."""
    size = rng.choice((1, 2, 4, 8))
    start = rng.randrange(min(len(data), 64))
    value = rng.choice((0, 1, 127, 128, 255, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 63,
                        2 ** 64 - 1, len(data) + 1, 10 ** 12))
    value %= 1 << 8 * size
    order = rng.choice(('big', 'little'))
    return 'the %d bytes at %d are %d, %s first' % (size, start, value, order), (
        data[:start] + value.to_bytes(size, order) + data[start + size:])


def tail(rng, data):
    more = rng.choice((b'\0', b'\n', b'x' * 1000, bytes(100000), data))
    return '%d bytes appended' % len(more), data + more


def other_content(rng, data):
    what, content = rng.choice([
        ('nothing', b''), ('a newline', b'\n'), ('a NUL', b'\0'), ('{}', b'{}'), ('[]', b'[]'),
        ('null', b'null'), ('"x"', b'"x"'), ('a BOM', b'\xef\xbb\xbf{}'),
        ('no UTF-8', b'\xff\xfe{'), ('deep lists', b'[' * 100000),
        ('deep objects', b'{"a":' * 50000),
        ('digits', b'9' * 10000), ('NaN', b'NaN'), ('commas', b',' * 1000),
        ('256 kB of noise', rng.getrandbits(8 << 18).to_bytes(1 << 18, 'big')),
        ('a gzip header', b'\x1f\x8b\x08\0'), ('a ZIP', b'PK\x03\x04' + bytes(100)),
        ('a pickle', b'\x80\x04cos\nsystem\n(S"true"\ntR.'), ('a script', b'#!/bin/sh\nexit 1\n')])
    return 'in its place ' + what, content


ALL = (bit_flips, bit_flips, bit_flips, truncation, truncation, zeros, noise, repeated, lost,
       swapped, lying_number, lying_number, tail, other_content)


def mutate(rng, data):
    """(what was done, other bytes): a random mutation of `data`, or in a fifth of cases two."""
    said, result = [], data
    for _ in range(rng.choice((1, 1, 1, 1, 2))):
        words, result = rng.choice(ALL)(rng, result) if result else other_content(rng, result)
        said.append(words)
    return ' and '.join(said), result


def text_lines(rng, data):
    """Damage to a text of lines and fields, as CSV."""
    lines = data.decode().splitlines()
    i = rng.randrange(len(lines))
    words, new = rng.choice([
        ('a short row', lines[i].rpartition(',')[0]),
        ('a long row', lines[i] + ',1'), ('a blank line', lines[i] + '\n'), ('a word', 'x,y,z'),
        ('an empty line', ''), ('nan', ','.join(['nan'] * len(lines[i].split(',')))),
        ('infinity', lines[i].split(',')[0] + ',inf' * (len(lines[i].split(',')) - 1)),
        ('a huge number', '9' * 5000 + lines[i][1:]), ('a quote', '"' + lines[i]),
        ('a NUL', lines[i] + '\0'), ('a negative number', '-' + lines[i]),
        ('a long field', 'x' * 200000), ('a row twice', lines[i] + '\n' + lines[i])])
    return '%s in line %d' % (words, i + 1), (
        '\n'.join(lines[:i] + [new] + lines[i + 1:]) + '\n').encode()


# What JSON can have in a value's place.
VALUES = (
    None, True, False, 0, 1, -1, 2, 10, 255, 2 ** 31, 2 ** 63, 2 ** 64, -2 ** 63, 10 ** 400,
    0.5, -0.5, 1e300, 1e-300, float('nan'), float('inf'), -float('inf'), '', 'x', '1', '\0',
    '\ud800', 'x' * 10000, '../x', '%s', [], [1], [None], [[]], {}, {'a': 1}, {'': None}, [1,
    'x'], 28, 96, 'cpu:0', 'cpu:0,0', 'gpu:0', 'cpu:99999999999', 'synthetic', 'fashion-mnist',
    'resnet', 'sgd', 'adam', 'float16', '0' * 64, 'f' * 64)
