"""stdout and stderr that are closed, full, or read no more."""
import os
import sys

from .verdict import CLEAN, EQUAL, OK, Defect, said, survived

TRAIN = ['train', '--model', 'lenet_bn', '--dataset', 'synthetic', '--ctx', 'cpu', '--seed', '0',
         '--batch-size', '512', '--epochs', '1']
COMMANDS = {
    'train': lambda room: TRAIN, 'train-out': lambda room: TRAIN + ['--out', 'run-of-streams'],
    'summary': lambda room: TRAIN + ['--summary'],
    'evaluate': lambda room: ['evaluate', room.material.path('whole'), '--ctx', 'cpu', '--png',
                              'matrix.png'],
    'predict': lambda room: ['predict', room.material.path('whole'), '--ctx', 'cpu',
                             room.material.path('picture.pgm')],
    'predict-json': lambda room: ['predict', room.material.path('whole'), '--ctx', 'cpu', '--json',
                                  room.material.path('picture.pgm'), 'no-such-picture.png'],
    'doctor': lambda room: ['doctor'], 'help': lambda room: ['--help'],
    'train-help': lambda room: ['train', '--help'],
    'wrong': lambda room: ['train', '--model', 'no-such-model']}
# In bash's words. `in=` closes stdin too.
STREAMS = {
    'stdout-closed': '>&-', 'stderr-closed': '2>&-', 'both-closed': '>&- 2>&-',
    'all-closed': '<&- >&- 2>&-', 'stdin-closed': '<&-', 'stdout-full': '>/dev/full',
    'stderr-full': '2>/dev/full', 'both-full': '>/dev/full 2>&1', 'read-once': '| head -n 1',
    'never-read': '| true', 'stderr-never-read': '2> >(true)', 'stdout-read-only': '1</dev/null',
    'stderr-read-only': '2</dev/null'}


def draw(room):
    return attack(room, room.rng.choice(sorted(COMMANDS)), room.rng.choice(sorted(STREAMS)))


def attack(room, command, stream):
    """Run a command with such streams, in a process started anew; the verdict."""
    argv = COMMANDS[command](room)
    plain = shell(room, argv, '')
    done = shell(room, argv, STREAMS[stream])
    survived(done)
    code = plain.code
    # evaluate and doctor say that all is well or not; the streams change only this:
    allowed = {'stdout-full': (1,), 'both-full': (1,), 'stdout-read-only': (1,), 'read-once': (
        code, 141), 'never-read': (code, 141)}.get(stream, (code,))
    if command == 'wrong':
        allowed = (2,)  # which says nothing on stdout
    if done.code not in allowed and not (command == 'predict-json' and done.code == 1):
        raise Defect('exit code %d, where alone it is %d' % (done.code, code), done)
    for text in (done.out, done.err):
        if stream.startswith('stderr') and text is done.out and said(done) != said(plain):
            raise Defect('other lines on stdout', done)
    if stream in ('stdout-full', 'stdout-read-only') and done.code == 1 and (
            command not in ('predict-json', 'doctor') or plain.code == 0):
        if 'error: ' not in done.err:
            raise Defect('it fails without a word', done)
        return CLEAN
    if command == 'train-out':
        check_run(room, done)
    return EQUAL if done.code == code else OK


def shell(room, argv, redirection):
    """Run a command in bash, with its streams redirected."""
    folder = room.path('run-of-streams')
    if os.path.exists(folder):
        import shutil
        shutil.rmtree(folder)
    line = 'PATH=/usr/bin:/bin; "$0" -m gluonblocks "$@" ' + redirection
    if '|' in redirection:
        line += '; exit ${PIPESTATUS[0]}'
    return room.run(*argv, command=['/bin/bash', '-c', line, sys.executable] + list(argv))


def check_run(room, done):
    """Whatever became of its lines, a run that ended with code 0 is whole."""
    if done.code == 0 and not os.path.exists(room.path('run-of-streams', 'final.safetensors')):
        raise Defect('exit code 0, but the run is not whole', done)


def fixed(command, stream):
    return lambda room: attack(room, command, stream)


FIXED = {'5-%s-%s' % (_stream, _command): fixed(_command, _stream) for _command, _stream in [
    ('train-out', 'stdout-closed'), ('train', 'stderr-closed'), ('doctor', 'stdout-full'),
    ('help', 'stdout-full'), ('train', 'stdout-full'), ('evaluate', 'stdout-closed'),
    ('evaluate', 'stderr-closed'), ('predict', 'stdout-full'), ('predict-json', 'stderr-full'),
    ('evaluate', 'read-once'), ('train-help', 'read-once'), ('doctor', 'stderr-closed'),
    ('train', 'all-closed'), ('wrong', 'both-closed'), ('summary', 'never-read')]}
