"""Hostile command lines and environments."""
import functools
import os
import re
import stat

from . import hostile, places
from .jobs import Job
from .material import RUN, SAME
from .verdict import CLEAN, EQUAL, OK, Defect, changed, clean_error, said, snapshot, survived

EPOCH = re.compile(r'epoch (\d+), loss (\S+), train acc (\S+), test acc (\S+)$')
LINES = re.compile(r'training on .*|epoch \d+, loss .*|To go on:.*')
TRAIN = RUN[:2] + ['--dataset', 'synthetic', '--ctx', 'cpu', '--seed', '0', '--batch-size', '16',
                   '--epochs', '1']


def draw(room):
    command = room.rng.choice(['train'] * 4 + ['evaluate'] * 2 + ['predict'] * 2 + [
        '', 'doctor', 'report', 'export'])
    furnish(room)
    argv, env = hostile.line(room.rng, command, TRAIN)
    return attack(room, argv, env)


def furnish(room):
    """Files of every kind in the room, for command lines to name."""
    room.copy('whole', 'run')
    room.copy('halted', 'halted')
    with open(room.material.path('picture.pgm'), 'rb') as f:
        picture = f.read()
    for name, content in [('picture.pgm', picture), ('-dash.pgm', picture), ('notes', b'mine'),
                          ('notes.txt', b'mine'), ('mine.json', b'{}'), ('mine.png', b'mine')]:
        with open(room.path(name), 'wb') as f:
            f.write(content)
    for name, place in [('pipe', places.pipe), ('socket', places.a_socket),
                        ('loop', places.looping_link), ('dangling', places.dangling_link),
                        ('folder', places.full_folder), ('empty', places.folder)]:
        place(room, room.path(name), b'')
    os.symlink('mine.json', room.path('link'))
    for name, minor in [('null', 3), ('full', 7)]:
        try:
            room.sandbox.device(room.path(name), minor)
        except Exception:
            room.note('no device nodes here')


def attack(room, argv, env=None, cold=False):
    """Run a command line in a room that is furnished; the verdict."""
    before = snapshot(room.folder)
    done, = room.together(Job(list(argv), room.folder, env=env or {}, cold=cold))
    survived(done)
    after = snapshot(room.folder)
    check_files(room, argv, before, after, done)
    if done.code:
        if argv[:1] in ([], ['doctor']) and done.code == 1 and 'What is wrong' in done.out:
            return OK
        return clean_error(done)
    if '--help' in argv or '-h' in argv or not argv or argv[0] in ('doctor', '-h', '--help'):
        return OK if done.out.strip() else quiet(done)
    return check_answer(room, argv, done)


def quiet(done):
    raise Defect('exit code 0 and not a word', done)


def check_files(room, argv, before, after, done):
    """Defect unless what was there is there still, but for what was named as output."""
    named = {os.path.normpath(arg) for flag, arg in zip(argv, argv[1:])
             if flag in ('--json', '--png', '--out')}
    named |= {os.path.normpath(arg.split('=', 1)[1]) for arg in argv
              if arg.startswith(('--json=', '--png=', '--out='))}
    if 'link' in named:
        named.add('mine.json')
    for name in changed(before, after):
        old = before.get(name)
        inside = name.split(os.sep)[0]
        if old is None:
            if '.tmp-' in name:
                raise Defect('left behind: .tmp-', done)
            continue  # what is new was made by the command
        if name in named and old.startswith('file ') and os.path.isfile(room.path(name)):
            continue
        if inside in ('run', 'halted') and after.get(name) is not None and (
                argv[:1] == ['train'] or name == 'run/confusion.png'
                or name == 'halted/confusion.png'):
            continue  # a run that was resumed
        raise Defect('%s is another than before' % name, done)
    for name, kind in [('null', stat.S_ISCHR), ('full', stat.S_ISCHR), ('pipe', stat.S_ISFIFO),
                       ('link', stat.S_ISLNK), ('socket', stat.S_ISSOCK)]:
        if name in before and not kind(os.lstat(room.path(name)).st_mode):
            raise Defect('%s was replaced' % name, done)


def check_answer(room, argv, done):
    """The verdict on a command that ended with code 0."""
    lines = said(done)
    if argv[0] == 'train' and '--summary' not in argv:
        epochs = [EPOCH.match(line) for line in lines if line.startswith('epoch')]
        if not all(epochs) or not all(LINES.fullmatch(line) for line in lines):
            raise Defect('lines that are not the book\'s', done)
        if any('--out' in arg or '--resume' in arg for arg in argv) and any(
                match.group(2) in ('nan', 'inf', '-inf') for match in epochs):
            raise Defect('a loss that is no number is kept', done)
        resumed = [room.path(name) for name in ('halted', 'run') if name in argv]
        if resumed and '--resume' in argv and '--epochs' not in argv:
            for name in SAME:
                with open(os.path.join(resumed[0], name), 'rb') as one, open(
                        room.material.path('whole', name), 'rb') as two:
                    if name != 'config.json' and one.read() != two.read():
                        raise Defect('%s is another than it would be' % name, done)
        return OK
    if argv[0] == 'report':  # its result is a file
        lines = [line for line in done.err.splitlines() if line.startswith('the page is ')]
    if not lines:
        return quiet(done)
    return OK


def command(*argv, env=None, cold=False, code=None, without=()):
    """A fixed case: this command line, which is to end with this exit code, if one is named."""
    def run(room):
        furnish(room)
        for name in without:
            os.unlink(room.path(name))
        verdict = attack(room, list(argv), env, cold)
        if code == 0 and verdict == CLEAN:
            raise Defect('it is refused')
        if code and verdict != CLEAN:
            raise Defect('it is not refused')
        return verdict
    return run


def own_files(room):
    """A user's own file whose name looks like a temporary one's stays."""
    os.mkdir(room.path('new'))
    with open(room.path('new', '.tmp-my-notes.txt'), 'w') as f:
        f.write('mine')
    done = room.run('train', '--out', 'new', *TRAIN)
    survived(done)
    if not os.path.exists(room.path('new', '.tmp-my-notes.txt')):
        raise Defect('a user\'s own file was deleted', done)
    return clean_error(done, 'new') if done.code else OK


def own_file_in_a_run(room):
    """The same, in a run that is resumed."""
    run = room.copy('halted', 'run')
    own = os.path.join(run, '.tmp-my-notes.txt')
    with open(own, 'w') as f:
        f.write('mine')
    done = room.run('train', '--resume', run)
    survived(done)
    if done.code or not os.path.exists(own):
        raise Defect('a user\'s own file was deleted', done)
    return EQUAL


EVALUATE = functools.partial(command, 'evaluate', 'run', '--ctx', 'cpu')
FIXED = {
    '1-out-null': command('train', *TRAIN, '--out', 'null', code=1),
    '1-out-file': command('train', *TRAIN, '--out', 'notes', code=1),
    '1-out-link': command('train', *TRAIN, '--out', 'link', code=1),
    '1-out-loop': command('train', *TRAIN, '--out', 'loop', code=1),
    '1-out-pipe': command('train', *TRAIN, '--out', 'pipe', code=1),
    '7-device-of-a-hundred-million': command('train', *TRAIN, '--ctx', 'cpu:100000000', code=2),
    '7-many-devices': command('train', *TRAIN, '--ctx', 'cpu:' + ','.join(map(str, range(5000))),
                              code=2),
    '7-evaluated-there': EVALUATE('--ctx', 'cpu:100000000', code=2),
    '8-fewer-images-than-devices': command('train', *TRAIN, '--batch-size', '29', '--ctx',
                                           'cpu:0,1,2', code=0),
    '8-one-image-a-batch': command('train', *TRAIN, '--batch-size', '59', '--ctx', 'cpu:0,1',
                                   code=0),
    '8-one-picture-on-two': command('predict', 'run', 'picture.pgm', '--ctx', 'cpu:0,1', code=0),
    '9-out-is-no-text': command('train', *TRAIN, '--out', 'r\udcffn'),
    '9-rate-of-1e300': command('train', *TRAIN, '--lr', '1e300', code=2),
    '9-rate-of-1e38': command('train', *TRAIN, '--lr', '1e38', '--out', 'new', code=1),
    '11-own-file-in-a-new-folder': own_files, '11-own-file-in-a-run': own_file_in_a_run,
    'reads-a-pipe': command('evaluate', 'pipe', code=1),
    'predicts-a-dash': command('predict', 'run', '--ctx', 'cpu', '--', '-dash.pgm', code=0)}
for _flag in ('--png', '--json'):
    for _target, _code in [('null', 0), ('link', 0), ('dangling', None), ('full', 1), ('pipe', 1),
                           ('socket', 1), ('folder', 1), ('loop', 1)]:
        FIXED['1%s-%s' % (_flag[1:], _target)] = EVALUATE(_flag, _target, code=_code)
for _name, _value, _code in [
        ('OMP_NUM_THREADS', 'abc', 1), ('OMP_NUM_THREADS', '100000', 1),
        ('OMP_NUM_THREADS', '-1', 1), ('OMP_NUM_THREADS', '', 0),
        ('MXNET_CPU_WORKER_NTHREADS', '0', 1), ('MXNET_OMP_MAX_THREADS', 'x', 1),
        ('PYTHONOPTIMIZE', '2', 1), ('PYTHONOPTIMIZE', '1', 0), ('PYTHONWARNINGS', 'error', 0),
        ('MXNET_ENGINE_TYPE', 'NoSuchEngine', None)]:
    FIXED['12-%s-%s' % (_name, _value or 'empty')] = command(
        'train', *TRAIN, '--batch-size', '512', env={_name: _value}, cold=True, code=_code)
