"""Write and read runs on disks that are full, failing or read-only."""
import errno
import os

from . import shim
from .fixtures import RUNS
from .kills import VARIANTS, compare, resume
from .verdict import EQUAL, Defect, clean_error, output, snapshot, survived, unchanged

CALLS = {'open': shim.OPEN, 'write': shim.WRITE, 'fsync': shim.FSYNC, 'rename': shim.RENAME,
         'any': shim.SAVING & ~shim.UNLINK}  # a failed unlink only leaves a file behind
ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.EINTR)


def draw(sandbox):
    """Make a random system call, and sometimes all later ones, fail during training."""
    rng = sandbox.rng
    variant, calls, call = rng.choice(VARIANTS), rng.choice(sorted(CALLS)), rng.randint(1, 90)
    if rng.random() < 0.2:
        return faulty(sandbox, variant, 'write', call, shim.SHORT, always=rng.random() < 0.5)
    error = rng.choice(ERRORS)
    # Python retries calls that fail with EINTR, so if they always failed, it would retry forever.
    return faulty(sandbox, variant, calls, call, shim.ERROR, error,
                  always=error != errno.EINTR and rng.random() < 0.5)


def faulty(sandbox, variant, calls, call, action, value=0, always=False, only=''):
    """Train with a failing system call. Errors must name the run folder; resuming must work."""
    run = sandbox.path('run')
    fault = shim.Shim(run, CALLS[calls], call, action, value, always, only)
    done = resume(sandbox, run, RUNS[variant], shim=fault)
    base, printed, verdict = sandbox.fixtures.run(variant), output(done), EQUAL
    survived(done)
    if done.code:
        verdict = clean_error(done, run)
        if os.path.isdir(run):
            unchanged({}, snapshot(run), lambda name: True, done)
        done = resume(sandbox, run, RUNS[variant])
        survived(done)
        if done.code:
            raise Defect('resume failed: ' + done.err.strip().splitlines()[-1][:200], done)
        printed += output(done)
    compare(run, base.folder, printed, base.lines, done)
    return verdict


def read_only(sandbox, command, name):
    """On a read-only disk, evaluate a run and predict with it; resuming it must fail."""
    run = sandbox.copy(name)
    argv = {'train': ['--resume', run], 'evaluate': [run, '--ctx', 'cpu'],
            'predict': [run, sandbox.fixtures.picture, '--ctx', 'cpu']}[command]
    fault = shim.Shim(run, at=1, action=shim.ERROR, value=errno.EROFS, always=True)
    before, done = snapshot(run), sandbox.run(command, *argv, shim=fault)
    survived(done)
    unchanged(before, snapshot(run), done=done)
    if command == 'train':
        return clean_error(done, run)
    if output(done) != sandbox.fixtures.answer(command, name, 'best'):
        raise Defect('the output on a read-only disk differs from that on a writable disk', done)
    return EQUAL


def _failing(calls, name, error=errno.EIO, always=False, variant='plain', call=1):
    return lambda sandbox: faulty(sandbox, variant, calls, call, shim.ERROR, error, always, name)


FIXED = {
    'full at tensorboard': _failing('write', '/tensorboard/', errno.ENOSPC, True, 'tensorboard'),
    'interrupted calls': _failing('any', '', errno.EINTR),
    'half writes': lambda sandbox: faulty(sandbox, 'plain', 'write', 1, shim.SHORT, always=True),
    'read-only resumed': lambda sandbox: read_only(sandbox, 'train', 'stopped'),
    'read-only evaluated': lambda sandbox: read_only(sandbox, 'evaluate', 'complete'),
    'read-only predicted': lambda sandbox: read_only(sandbox, 'predict', 'complete')}
for _call in (1, 9, 30):
    FIXED['full at write %d' % _call] = _failing('write', '', errno.ENOSPC, True, call=_call)
for _calls in ('open', 'write', 'fsync', 'rename'):
    for _name in ('config.json', 'last.safetensors', 'final.safetensors', 'times.csv'):
        if (_calls, _name) != ('rename', 'config.json'):
            FIXED['fails at %s of %s' % (_calls, _name)] = _failing(_calls, _name)
