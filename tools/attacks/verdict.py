"""The verdict on a case, a word, and how it is reached."""
import hashlib
import os
import re
import stat

CLEAN, EQUAL, OK, UNTRIED, DEFECT = 'clean error', 'equal', 'other ok', 'not tried', 'defect'

MAX_LINES = 14
_HASHED = 1 << 26  # larger files, which are sparse, are compared by size
# The insides of Python and MXNet, which no user is to see.
RAW = ('Traceback', '[bt]', 'Stack trace', 'Check failed', 'Segmentation fault', 'terminate called',
       'Exception ignored', 'Fatal Python error', 'libgomp:')
SECONDS = re.compile(r', time (?:[\d.]+|nan) sec')


class NotTried(Exception):
    """A case that cannot be tried on this machine; the message says what is missing."""


class Defect(Exception):
    """A broken promise; the message says which, in a line. `done` is the command that broke it."""

    def __init__(self, message, done=None):
        super().__init__(message)
        self.done = done


def survived(done):
    """Raise Defect unless a command ended by itself, within its limits, without a traceback."""
    if done.ended:
        raise Defect({'time': 'no end after %d s' % done.seconds,
                      'memory': 'too much memory'}[done.ended], done)
    for raw in RAW:
        if raw in done.err:
            last = re.findall(r'^[\w.]*(?:Error|Interrupt|Exception).*', done.err, re.M)
            raise Defect('%s on stderr%s' % (raw, ': ' + last[-1][:150] if last else ''), done)
    if done.code < 0:
        raise Defect('ended by signal %d' % -done.code, done)


def clean_error(done, *names):
    """Return CLEAN if a command failed by a few lines that name one of `names`; else Defect."""
    survived(done)
    if done.code not in (1, 2):
        raise Defect('exit code %d' % done.code, done)
    found = re.search(r'^error: (.*)', done.err, re.M | re.S)
    if not found:
        raise Defect('exit code %d without "error: "' % done.code, done)
    message = found.group(1)
    if message.strip() in ('', 'None', "''"):
        raise Defect('an error without words', done)
    if len(message.splitlines()) > MAX_LINES:
        raise Defect('an error of %d lines' % len(message.splitlines()), done)
    if names and not any(name in message for name in names):
        raise Defect('the error names none of %s' % ', '.join(names), done)
    return CLEAN


def output(done):
    """Return the lines on stdout, without their seconds."""
    return [SECONDS.sub('', line) for line in done.out.splitlines()]


def snapshot(folder):
    """Return {path within: a text that tells its content and kind} of everything in a folder."""
    found = {}
    for here, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(here, name)
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
    """Raise Defect if snapshots differ elsewhere than `allowed`, or a temporary file is left."""
    names = sorted(name for name in set(before) | set(after) if before.get(name) != after.get(name))
    left = [name for name in names if os.path.basename(name).startswith(('.tmp-', '.part-'))
            and name not in before]
    if left:
        raise Defect('left behind: ' + re.sub(r'\d+-[0-9a-f]{16}', 'N', left[0]), done)
    other = [name for name in names if not allowed(name)]
    if other:
        raise Defect('changed: ' + ', '.join(other[:5]), done)


def ask(room, argv, names, want, always=(), other=lambda done: False):
    """Run a command on something damaged, which changes no file. Return the verdict.

    It answers the lines `want`, or fails naming one of `names`; the lines `always` are answered in
    both cases. Another answer is fine if `other(done)`.
    """
    before = snapshot(room.folder)
    done = room.run(*argv)
    survived(done)
    unchanged(before, snapshot(room.folder), done=done)
    if not set(always) <= set(output(done)):
        raise Defect('the unharmed image after it is not answered', done)
    if done.code:
        return clean_error(done, *names)
    if output(done) == want:
        return EQUAL
    if other(done):
        return OK
    raise Defect('another answer, and nothing said', done)
