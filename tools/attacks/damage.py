"""Damage a file: change its bytes at random, or replace it with something else."""
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
    """Remove or duplicate a range of bytes, or replace it with zeros, 0xFF or random bytes."""
    start = rng.randrange(rng.choice((min(len(data), 64), len(data))) + 1)
    size = rng.choice((1, 2, 4, 8, 64, 512, 4096, len(data)))
    content = rng.choice((bytes(size), b'\xff' * size, b'', 2 * data[start:start + size],
                          bytes(rng.randrange(256) for _ in range(size))))
    words = 'different bytes from %d to %d' % (start, start + size)
    return words, data[:start] + content + data[start + size:]


def _replace(rng, data):
    what, content = rng.choice([
        ('nothing', b''), ('a NUL', b'\0'), ('{}', b'{}'), ('invalid UTF-8', b'\xff\xfe{'),
        ('deep lists', b'[' * 100000), ('a gzip header', b'\x1f\x8b\x08\0')])
    return 'replaced with ' + what, content


def mutate(rng, data):
    """Damage `data` at random; return (description, damaged bytes)."""
    return rng.choice((_flip, _flip, _cut, _fill, _fill, _fill, _replace))(rng, data)


def mutated(sandbox, path):
    """Change a file's bytes at random; return a description of the change."""
    return rewrite(path, lambda data: mutate(sandbox.rng, data))


def anything(sandbox, path):
    """Change a file's bytes at random, or replace the file; return a description of the change."""
    replace = put(sandbox.rng.choice(sorted(REPLACEMENTS)))
    change = sandbox.rng.choice((mutated, mutated, mutated, replace))
    return change(sandbox, path)


def _write(path, data, size=None):
    with open(path, 'wb') as f:
        f.write(data)
        f.truncate(size)


def _link(sandbox, path, data):
    elsewhere = sandbox.path('elsewhere')
    _write(elsewhere, data)
    os.symlink(elsewhere, path)


# {kind of replacement: function that creates the replacement from (sandbox, path, old content)}
REPLACEMENTS = {
    'pipe': lambda sandbox, path, data: os.mkfifo(path), 'link': _link,
    'folder': lambda sandbox, path, data: os.mkdir(path),
    'looping link': lambda sandbox, path, data: os.symlink(os.path.basename(path), path),
    'dangling link': lambda sandbox, path, data: os.symlink('no-such-file', path),
    'nothing': lambda sandbox, path, data: None,
    'sparse giant': lambda sandbox, path, data: _write(path, b'', 1 << 40),
    'sparse tail': lambda sandbox, path, data: _write(path, data, 1 << 33),
    'large tail': lambda sandbox, path, data: _write(path, data, (1 << 31) - 1)}


def put(kind):
    """Return a function that replaces or creates a file using `REPLACEMENTS[kind]`."""
    def change(sandbox, path):
        data = b''
        if os.path.lexists(path):
            if os.path.isfile(path):
                with open(path, 'rb') as f:
                    data = f.read()
            os.unlink(path)
        REPLACEMENTS[kind](sandbox, path, data)
        return '%s instead of %s' % (kind, os.path.basename(path))
    return change


def rewrite(path, change):
    """Rewrite a file using `change(bytes)`, which returns (description, new bytes).

    Return the file's name and the description, as a string.
    """
    data = b'{}\n'
    if os.path.exists(path):
        with open(path, 'rb') as f:
            data = f.read()
    words, data = change(data)
    _write(path, data)
    return '%s: %s' % (os.path.basename(path), words)


def replaced(content):
    """Return a function that replaces a file's bytes with the result of `content(bytes)`."""
    return lambda sandbox, path: rewrite(path, lambda data: ('rewritten', content(data)))
