"""What became of a case, in one of a few words, and how that is judged."""
import hashlib
import os
import re
import stat

CLEAN, EQUAL, OK, UNTRIED, DEFECT = 'clean error', 'equal', 'other ok', 'not tried', 'defect'
VERDICTS = (CLEAN, EQUAL, OK, UNTRIED, DEFECT)

MAX_LINES = 14
_HASHED = 1 << 26  # of larger files, which are sparse, the size counts
# What no user is to see: Python's and MXNet's insides.
RAW = ('Traceback', '[bt]', 'Stack trace', 'Check failed', 'Segmentation fault', 'terminate called',
       'Exception ignored', 'Fatal Python error', 'libgomp:')
SECONDS = re.compile(r', time (?:[\d.]+|nan) sec')


class Defect(Exception):
    """Something that must not be; the message says what, in a line, and `done` what was seen."""

    def __init__(self, message, done=None):
        super().__init__(message)
        self.done = done


def survived(done):
    """Defect unless the job ended by itself, in time and memory, without anybody's insides."""
    if done.ended:
        where = re.findall(r'File "(?:.*/)?(\w+/\w+\.py)", line (\d+)', done.err)
        raise Defect({'time': 'no end after %d s' % done.job.seconds,
                      'memory': '%d MB and more' % (done.peak >> 20)}[done.ended] +
                     (', at %s:%s' % where[0] if where else ''), done)
    for raw in RAW:
        if raw in done.err:
            last = [line for line in done.err.splitlines() if re.match(r'[\w.]*(Error|Interrupt'
                                                                       r'|Exception)', line)]
            raise Defect('%s on stderr%s' % (raw, ': ' + last[-1][:150] if last else ''), done)
    if done.code < 0:
        raise Defect('ended by signal %d' % -done.code, done)


def clean_error(done, *names):
    """CLEAN if the job failed as it should: a few lines that name one of `names`; else Defect."""
    survived(done)
    if done.code == 0:
        raise Defect('exit code 0', done)
    if done.code not in (1, 2):
        raise Defect('exit code %d' % done.code, done)
    found = re.search(r'^error: (.*)', done.err, re.M | re.S)
    if not found:
        raise Defect('exit code %d without "error: "' % done.code, done)
    message = found.group(1)
    if not message.strip() or message.strip() in ('None', "''"):
        raise Defect('an error without words', done)
    if len(message.splitlines()) > MAX_LINES:
        raise Defect('an error of %d lines' % len(message.splitlines()), done)
    if names and not any(name and shown(name) in message for name in names):
        raise Defect('the error names none of %s' % ', '.join(map(shown, names)), done)
    return CLEAN


def shown(name):
    """A name as stderr shows it."""
    return name.encode('utf-8', 'backslashreplace').decode()


def said(done):
    """The lines on stdout, without their seconds."""
    return [SECONDS.sub('', line) for line in done.out.splitlines()]


def digest(path):
    """What is at `path`, in a few words that differ where it differs; None where nothing is."""
    try:
        state = os.lstat(path)
    except OSError:
        return None
    if stat.S_ISREG(state.st_mode):
        if state.st_size > _HASHED:
            return 'file of %d' % state.st_size
        with open(path, 'rb') as f:
            return 'file ' + hashlib.sha256(f.read()).hexdigest()
    if stat.S_ISLNK(state.st_mode):
        return 'link to ' + os.readlink(path)
    return '%o %d' % (stat.S_IFMT(state.st_mode), state.st_rdev)


def snapshot(folder):
    """{path within: digest} of all that is in a folder, the folders too."""
    found = {}
    for here, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(here, name)
            found[os.path.relpath(path, folder)] = digest(path)
    return found


def changed(before, after):
    """The paths of two snapshots that differ, sorted."""
    return sorted(name for name in set(before) | set(after) if before.get(name) != after.get(name))


def left_behind(before, after):
    """Defect if there are temporary files that were not there before."""
    left = [name for name in after if name not in before
            and os.path.basename(name).startswith(('.tmp-', '.part-'))]
    if left:
        raise Defect('left behind: ' + re.sub(r'\d+-[0-9a-f]{16}', 'N', left[0]))


def unchanged(before, after, allowed=(), done=None):
    """Defect if anything but `allowed` is another than before."""
    left_behind(before, after)
    other = [name for name in changed(before, after) if name not in allowed]
    if other:
        raise Defect('changed: ' + ', '.join(other[:5]), done)
