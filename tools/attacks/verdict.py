"""The possible verdicts on a case, and the checks that determine them."""
import hashlib
import os
import re
import stat

CLEAN, EQUAL, OK, UNTRIED, DEFECT = 'clean error', 'equal', 'other ok', 'not tried', 'defect'

MAX_LINES = 14
_HASHED = 1 << 26  # bytes; larger files are sparse and compared by size only
# Signs of a crash in Python or MXNet, which must never appear on stderr.
RAW = ('Traceback', '[bt]', 'Stack trace', 'Check failed', 'Segmentation fault', 'terminate called',
       'Exception ignored', 'Fatal Python error', 'libgomp:')
SECONDS = re.compile(r', time (?:[\d.]+|nan) sec')


class NotTried(Exception):
    """Raised if a case cannot be tried on this machine; the message says what is missing."""


class Defect(Exception):
    """Raised if gluonblocks misbehaves; `done` is the result of the faulty command, if known."""

    def __init__(self, message, done=None):
        super().__init__(message)
        self.done = done


def survived(done):
    """Raise Defect if a command exceeded a resource limit, was killed, or printed a traceback."""
    if done.exceeded:
        raise Defect({'time': 'still running after %d s' % done.seconds,
                      'memory': 'used too much memory'}[done.exceeded], done)
    for raw in RAW:
        if raw in done.err:
            last = re.findall(r'^[\w.]*(?:Error|Interrupt|Exception).*', done.err, re.M)
            raise Defect('%s on stderr%s' % (raw, ': ' + last[-1][:150] if last else ''), done)
    if done.code < 0:
        raise Defect('killed by signal %d' % -done.code, done)


def clean_error(done, *names):
    """Return CLEAN if a command failed with a short error that mentions one of `names`.

    Raises Defect otherwise.
    """
    survived(done)
    if done.code not in (1, 2):
        raise Defect('exit code %d' % done.code, done)
    found = re.search(r'^error: (.*)', done.err, re.M | re.S)
    if not found:
        raise Defect('exit code %d, but no line of stderr starts with "error: "' % done.code, done)
    message = found.group(1)
    if message.strip() in ('', 'None', "''"):
        raise Defect('the error has no message', done)
    if len(message.splitlines()) > MAX_LINES:
        raise Defect('the error has %d lines' % len(message.splitlines()), done)
    if names and not any(name in message for name in names):
        raise Defect('the error does not name %s' % ' or '.join(names), done)
    return CLEAN


def output(done):
    """Return the lines that a command printed to stdout, with elapsed times removed."""
    return [SECONDS.sub('', line) for line in done.out.splitlines()]


def snapshot(folder):
    """Return a dict that maps relative paths in `folder` to digests of their types and contents."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(parent, name)
            found[os.path.relpath(path, folder)] = _digest(path)
    return found


def _digest(path):
    state = os.lstat(path)
    if stat.S_ISLNK(state.st_mode):
        return 'link to ' + os.readlink(path)
    if not stat.S_ISREG(state.st_mode):
        return '%o %d' % (stat.S_IFMT(state.st_mode), state.st_rdev)
    if state.st_size > _HASHED:
        return 'file of %d bytes' % state.st_size
    with open(path, 'rb') as f:
        return 'file ' + hashlib.sha256(f.read()).hexdigest()


def unchanged(before, after, allowed=lambda name: False, done=None):
    """Raise Defect if two snapshots differ, or if a temporary file was left behind.

    Files for which `allowed(name)` is true may change.
    """
    names = sorted(name for name in set(before) | set(after) if before.get(name) != after.get(name))
    left = [name for name in names if os.path.basename(name).startswith(('.tmp-', '.part-'))
            and name not in before]
    if left:
        raise Defect('left behind: ' + re.sub(r'\d+-[0-9a-f]{16}', 'N', left[0]), done)
    other = [name for name in names if not allowed(name)]
    if other:
        raise Defect('changed: ' + ', '.join(other[:5]), done)


def run_on_damage(sandbox, argv, names, want, always=(), other=lambda done: False):
    """Run a command on a damaged input, and return the verdict.

    The command must print exactly the lines `want`, finish with a result that `other` accepts, or
    fail with an error that names one of `names`. In each case, it must also print the lines
    `always`, and must not change any file. Raises Defect otherwise.
    """
    before = snapshot(sandbox.folder)
    done = sandbox.run(*argv)
    survived(done)
    unchanged(before, snapshot(sandbox.folder), done=done)
    if not set(always) <= set(output(done)):
        raise Defect('no prediction for the undamaged image after the damaged one', done)
    if done.code:
        return clean_error(done, *names)
    if output(done) == want:
        return EQUAL
    if other(done):
        return OK
    raise Defect('different output without an error', done)
