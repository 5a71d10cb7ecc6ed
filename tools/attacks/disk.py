"""Disks that are full, fail, or belong to somebody else, while a run is written and read."""
import errno
import os

from . import shim
from .kills import VARIANTS, compare, resume
from .material import RUNS
from .verdict import EQUAL, Defect, clean_error, said, snapshot, survived, unchanged

CALLS = {'open': shim.OPEN, 'write': shim.WRITE, 'fsync': shim.FSYNC, 'rename': shim.RENAME,
         'any': shim.SAVING & ~shim.UNLINK}  # a file that cannot be removed stays
ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.EINTR)


def draw(room):
    """Fail a random call of a run, or every call from it on."""
    rng = room.rng
    variant, calls, call = rng.choice(VARIANTS), rng.choice(sorted(CALLS)), rng.randint(1, 90)
    if rng.random() < 0.2:
        return faulty(room, variant, 'write', call, shim.SHORT, always=rng.random() < 0.5)
    error = rng.choice(ERRORS)
    # An interrupted call is repeated, for ever if it is interrupted for ever.
    return faulty(room, variant, calls, call, shim.ERROR, error,
                  always=error != errno.EINTR and rng.random() < 0.5)


def faulty(room, variant, calls, call, action, value=0, always=False, only=''):
    """Train while a call fails: the error names the file, and the run can be resumed."""
    run = room.path('run')
    what = shim.Shim(run, CALLS[calls], call, action, value, always, only)
    done = resume(room, run, RUNS[variant], shim=what)
    base, printed, verdict = room.material.run(variant), said(done), EQUAL
    survived(done)
    if done.code:
        verdict = clean_error(done, run)
        if os.path.isdir(run):
            unchanged({}, snapshot(run), lambda name: True, done)
        done = resume(room, run, RUNS[variant])
        survived(done)
        if done.code:
            raise Defect('the run is lost: ' + done.err.strip().splitlines()[-1][:200], done)
        printed += said(done)
    compare(run, base.folder, printed, base.lines, done)
    return verdict


def read_only(room, command, name):
    """Use a run on a disk that may only be read: it answers, and cannot be resumed."""
    run = room.copy(name)
    argv = {'train': ['--resume', run], 'evaluate': [run, '--ctx', 'cpu'],
            'predict': [run, room.material.picture, '--ctx', 'cpu']}[command]
    fault = shim.Shim(run, at=1, action=shim.ERROR, value=errno.EROFS, always=True)
    before, done = snapshot(run), room.run(command, *argv, shim=fault)
    survived(done)
    unchanged(before, snapshot(run), done=done)
    if command == 'train':
        return clean_error(done, run)
    if said(done) != room.material.answer(command, name, 'best'):
        raise Defect('another answer from a disk that may only be read', done)
    return EQUAL


def _failing(calls, name, error=errno.EIO, always=False, variant='plain', call=1):
    return lambda room: faulty(room, variant, calls, call, shim.ERROR, error, always, name)


FIXED = {
    'full at tensorboard': _failing('write', '/tensorboard/', errno.ENOSPC, True, 'tensorboard'),
    'interrupted calls': _failing('any', '', errno.EINTR),
    'half writes': lambda room: faulty(room, 'plain', 'write', 1, shim.SHORT, always=True),
    'read-only resumed': lambda room: read_only(room, 'train', 'stopped'),
    'read-only evaluated': lambda room: read_only(room, 'evaluate', 'complete'),
    'read-only predicted': lambda room: read_only(room, 'predict', 'complete')}
for _call in (1, 9, 30):
    FIXED['full at write %d' % _call] = _failing('write', '', errno.ENOSPC, True, call=_call)
for _calls in ('open', 'write', 'fsync', 'rename'):
    for _name in ('config.json', 'last.safetensors', 'final.safetensors', 'times.csv'):
        if (_calls, _name) != ('rename', 'config.json'):
            FIXED['fails at %s of %s' % (_calls, _name)] = _failing(_calls, _name)
