"""Disks that are full, fail, or belong to somebody else, while a run is written and read."""
import errno
import os
import shutil

from . import shim
from .kills import VARIANTS, baseline, compare
from .material import ON_DATA, RUN
from .verdict import EQUAL, OK, Defect, clean_error, left_behind, said, snapshot, survived

CALLS = {'open': shim.OPEN, 'write': shim.WRITE, 'fsync': shim.FSYNC, 'rename': shim.RENAME,
         'read': shim.READ, 'any': shim.SAVING & ~shim.UNLINK}  # what cannot be removed stays
ERRORS = (errno.ENOSPC, errno.ENOSPC, errno.EIO, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EMFILE,
          errno.EINTR)


def draw(room):
    rng = room.rng
    kind = rng.random()
    if kind < 0.2:
        return small_disk(room, rng.randint(1, 500) * 4096)
    variant = rng.choice(sorted(VARIANTS))
    calls = rng.choice(sorted(CALLS))
    if kind < 0.4:
        return short(room, variant, calls, rng.randint(1, 60), rng.random() < 0.5)
    error = rng.choice(ERRORS)
    # A call that is interrupted is made again, for ever if it is for ever.
    return failing(room, variant, calls, rng.randint(1, 90), error,
                   error != errno.EINTR and rng.random() < 0.5)


def failing(room, variant, calls, at, error, always=False, only=''):
    """The `at`-th of `calls` fails: an error that names the file, and nothing is lost."""
    return faulty(room, variant, shim.Shim('', CALLS[calls], at, shim.ERROR, error, always, only),
                  '%s call %d%s: %s' % (calls, at, ' and on' if always else '',
                                        errno.errorcode[error]))


def short(room, variant, calls, at, always):
    """Reads and writes do half of what they were asked, which they may."""
    return faulty(room, variant, shim.Shim('', CALLS[calls], at, shim.SHORT, 0, always),
                  '%s call %d%s: half of it' % (calls, at, ' and on' if always else ''))


def faulty(room, variant, what, words):
    base = baseline(room, variant)
    run = room.path('run')
    room.note(words)
    done = room.run('train', '--out', run, *VARIANTS[variant], shim=what._replace(folder=run))
    return judge(room, variant, base, run, done)


def judge(room, variant, base, run, done):
    """The verdict on a run whose disk failed, after it was resumed on one that does not."""
    folder, lines = base[:2]
    survived(done)
    if os.path.isdir(run):
        left_behind({}, snapshot(run))
    if done.code == 0:
        if 'is not drawn' in done.err:
            return OK
        compare(run, folder, said(done), lines, done)
        return EQUAL
    verdict = clean_error(done, run, 'run')
    begun = os.path.exists(os.path.join(run, 'config.json'))
    again = room.run('train', *(['--resume', run] if begun else ['--out', run] + VARIANTS[variant]))
    survived(again)
    if again.code:
        raise Defect('the run is lost: ' + again.err.strip().splitlines()[-1][:200], again)
    compare(run, folder, said(done) + said(again), lines, again)
    return verdict


def small_disk(room, size, more=()):
    """A disk of `size` bytes, which a run fills; then it becomes larger."""
    variant = 'tensorboard' if more else 'plain'
    base = baseline(room, variant)
    room.note('a disk of %d bytes' % size)
    disk = room.path('disk')
    with room.sandbox.small_disk(disk, size) as resize:
        os.chmod(disk, 0o777)
        run = os.path.join(disk, 'run')
        done = room.run('train', '--out', run, *VARIANTS[variant])
        resize(1 << 26)
        return judge(room, variant, base, run, done)


def answers_on_a_full_disk(room):
    """What evaluate is to write does not fit."""
    run = room.copy('whole', 'run')
    with room.sandbox.small_disk(room.path('disk'), 4096):
        target = room.path('disk', 'answers.json')
        with open(room.path('disk', 'filling'), 'wb', buffering=0) as f:
            try:
                while f.write(bytes(4096)):
                    pass
            except OSError:
                pass
        done = room.run('evaluate', run, '--ctx', 'cpu', '--json', target, '--png',
                        room.path('m.png'))
        verdict = clean_error(done, target)
        left_behind({}, snapshot(room.path('disk')))
        return verdict


def read_only(command):
    """A run in a folder that may only be read: it is asked as any other, and cannot be resumed."""
    def run(room):
        base = 'halted' if command == 'train' else 'whole'
        folder = room.copy(base, 'run')
        for name in os.listdir(folder):
            os.chmod(os.path.join(folder, name), 0o444)
        os.chmod(folder, 0o555)
        before = snapshot(folder)
        argv = {'train': ['train', '--resume', folder],
                'evaluate': ['evaluate', folder, '--ctx', 'cpu'],
                'predict': ['predict', folder, room.material.path('picture.pgm'), '--ctx', 'cpu'],
                }[command]
        done = room.run(*argv, other_user=True)
        survived(done)
        if snapshot(folder) != before:
            raise Defect('a folder that may only be read was written to', done)
        if command == 'train':
            return clean_error(done, folder)
        want = [line.replace('picture.pgm', room.material.path('picture.pgm'))
                for line in room.material.answer(command, 'whole', 'best')]
        if done.code or said(done) != want:
            raise Defect('it could not be asked', done)
        return EQUAL
    return run


def not_allowed(what):
    """Places where this user may not write, or read."""
    def run(room):
        closed = room.path('closed')
        os.mkdir(closed)
        folder = room.copy('whole', 'closed/run')
        argv = {'out': ['train', '--out', os.path.join(closed, 'new'), *RUN],
                'in': ['train', '--out', closed, *RUN],
                'json': ['evaluate', folder, '--ctx', 'cpu', '--json', os.path.join(closed, 'x'),
                         '--png', room.path('m.png')],
                'png': ['evaluate', folder, '--ctx', 'cpu', '--png', os.path.join(closed, 'x.png')],
                'run': ['evaluate', folder, '--ctx', 'cpu'],
                'picture': ['predict', folder, os.path.join(closed, 'p.pgm'), '--ctx', 'cpu'],
                'data': ['train', *ON_DATA, '--data-root', closed]}[what]
        shutil.copyfile(room.material.path('picture.pgm'), os.path.join(closed, 'p.pgm'))
        os.chmod(os.path.join(closed, 'p.pgm'), 0)
        if what == 'in':
            shutil.rmtree(folder)
            os.unlink(os.path.join(closed, 'p.pgm'))
        os.chmod(closed, 0 if what in ('run', 'data') else 0o555)
        before = snapshot(closed)
        env = {'MXNET_HOME': closed, 'HOME': closed} if what == 'data' else {}
        done = room.run(*argv, other_user=True, env=env)
        if snapshot(closed) != before:
            raise Defect('it wrote where it may not', done)
        return clean_error(done, closed)
    return run


def at(variant, calls, number, error, always=False, only=''):
    return lambda room: failing(room, variant, calls, number, error, always, only)


FIXED = {
    '9-full-at-final-params': at('plain', 'write', 1, errno.ENOSPC, True, 'final.params'),
    '9-full-at-tensorboard': at('tensorboard', 'write', 1, errno.ENOSPC, True, '/tensorboard/'),
    '9-no-place-for-tensorboard': at('tensorboard', 'open', 1, errno.ENOSPC, True, '/tensorboard'),
    '9-read-only-resumed': read_only('train'), '9-read-only-evaluated': read_only('evaluate'),
    '9-read-only-predicted': read_only('predict'),
    'full-answers': answers_on_a_full_disk,
    'no-disk-at-all': lambda room: small_disk(room, 4096),
    'disk-full-in-a-checkpoint': lambda room: small_disk(room, 500000),
    'disk-full-in-the-end': lambda room: small_disk(room, 1100000),
    'disk-full-with-tensorboard': lambda room: small_disk(room, 700000, ['--tensorboard']),
    'half-writes': lambda room: short(room, 'plain', 'write', 1, True),
    'half-reads': lambda room: short(room, 'plain', 'read', 1, True),
    'interrupted-calls': at('plain', 'any', 1, errno.EINTR)}
for _calls in ('open', 'write', 'fsync', 'rename'):
    for _name in ('config.json', 'best.safetensors', 'last.safetensors', 'final.safetensors',
                  'times.csv', 'curves.png'):
        if _calls != 'rename' or _name != 'config.json':
            FIXED['fails-at-%s-%s' % (_calls, _name)] = at('plain', _calls, 1, errno.EIO, False,
                                                           _name)
for _what in ('out', 'in', 'json', 'png', 'run', 'picture', 'data'):
    FIXED['not-allowed-' + _what] = not_allowed(_what)
