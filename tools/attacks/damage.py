"""Damage to a file: its bytes changed at random, or something else altogether in its place."""
import os


def _flip(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8, 100))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return 'bits flipped', bytes(data)


def _cut(rng, data):
    size = rng.choice((0, 1, len(data) // 2, len(data) - 1, rng.randrange(len(data))))
    return 'cut to %d of %d bytes' % (size, len(data)), data[:size]


def _fill(rng, data):
    """Some bytes, mostly few, replaced by others, extreme ones among them, or dropped."""
    start = rng.randrange(rng.choice((min(len(data), 64), len(data))) + 1)
    size = rng.choice((1, 2, 4, 8, 64, 512, 4096, len(data)))
    content = rng.choice((bytes(size), b'\xff' * size, b'', 2 * data[start:start + size],
                          bytes(rng.randrange(256) for _ in range(size))))
    words = 'other bytes from %d to %d' % (start, start + size)
    return words, data[:start] + content + data[start + size:]


def _replace(rng, data):
    what, content = rng.choice([
        ('nothing', b''), ('a NUL', b'\0'), ('{}', b'{}'), ('no UTF-8', b'\xff\xfe{'),
        ('deep lists', b'[' * 100000), ('a gzip header', b'\x1f\x8b\x08\0')])
    return 'in its place ' + what, content


def mutate(rng, data):
    """Return (words, other bytes): a random mutation of `data`."""
    return rng.choice((_flip, _flip, _cut, _fill, _fill, _fill, _replace))(rng, data)


def mutated(room, path):
    """Change bytes of a file at random; return words for it."""
    return rewrite(path, lambda data: mutate(room.rng, data))


def anything(room, path):
    """Change bytes of a file, or put something in its place; return words for it."""
    change = room.rng.choice((mutated, mutated, mutated, put(room.rng.choice(sorted(PLACES)))))
    return change(room, path)


def _write(path, data, size=None):
    with open(path, 'wb') as f:
        f.write(data)
        f.truncate(size)


def _link(room, path, data):
    elsewhere = room.path('elsewhere')
    _write(elsewhere, data)
    os.symlink(elsewhere, path)


# What can stand where a file is: each takes the room, the path, and what the file contained.
PLACES = {
    'pipe': lambda room, path, data: os.mkfifo(path), 'link': _link,
    'folder': lambda room, path, data: os.mkdir(path),
    'looping link': lambda room, path, data: os.symlink(os.path.basename(path), path),
    'dangling link': lambda room, path, data: os.symlink('no-such-file', path),
    'nothing': lambda room, path, data: None,
    'sparse giant': lambda room, path, data: _write(path, b'', 1 << 40),
    'sparse tail': lambda room, path, data: _write(path, data, 1 << 33),
    'large tail': lambda room, path, data: _write(path, data, (1 << 31) - 1)}


def put(place):
    """Return a change that puts one of PLACES where a file is or could be."""
    def change(room, path):
        data = b''
        if os.path.lexists(path):
            if os.path.isfile(path):
                with open(path, 'rb') as f:
                    data = f.read()
            os.unlink(path)
        PLACES[place](room, path, data)
        return '%s in place of %s' % (place, os.path.basename(path))
    return change


def rewrite(path, change):
    """Replace a file's bytes by `change(bytes)`, which returns (words, bytes); return the words."""
    data = b'{}\n'
    if os.path.exists(path):
        with open(path, 'rb') as f:
            data = f.read()
    words, data = change(data)
    _write(path, data)
    return '%s: %s' % (os.path.basename(path), words)


def replaced(content):
    """Return a change that replaces a file's bytes by `content(bytes)`."""
    return lambda room, path: rewrite(path, lambda data: ('rewritten', content(data)))
