"""A run is killed and resumed, again and again, and its end compared with one left alone."""
import os
import signal

from . import shim
from .material import RUNS, SAME
from .verdict import EQUAL, Defect, said, snapshot, survived, unchanged

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# The exit codes of a process that got a signal, besides 0 if it came too late.
CODES = {signal.SIGKILL: (-9,), signal.SIGHUP: (-1,), signal.SIGTERM: (143, -15),
         signal.SIGINT: (130, -2)}  # -2: before the command began, or once it had ended
VARIANTS = ('plain', 'adam', 'devices', 'tensorboard')


def draw(room):
    """Kill a run one to four times, at random calls or moments."""
    rng, variant = room.rng, room.rng.choice(VARIANTS)
    base, plans = room.material.run(variant), []
    for _ in range(rng.choice((1, 1, 2, 4))):
        signum, action = rng.choice(SIGNALS), rng.choice((shim.BEFORE, shim.AFTER, shim.HALF))
        plans.append(at(rng.randint(1, base.calls), signum, action) if rng.random() < 0.6 else (
            signum, {'kill': (rng.uniform(0.02, 1.1 * base.seconds), signum)}))
    return trial(room, variant, plans)


def at(call, signum, action=shim.BEFORE):
    """The plan of a signal at a system call of the run: (signal, fields of the `Job`)."""
    return signum, {'shim': shim.Shim('', at=call, action=action, value=signum)}


def trial(room, variant, plans):
    """Train, killed by each of `plans` in turn and resumed, then to the end: EQUAL, or Defect."""
    base, run, printed = room.material.run(variant), room.path('run'), []
    for signum, how in plans + [(None, {})]:
        if 'shim' in how:
            how = {'shim': how['shim']._replace(folder=run)}
        done = resume(room, run, RUNS[variant], **how)
        printed += said(done)
        judge(done, signum)
        room.kills += bool(signum and done.code)
    # After Ctrl-C or SIGTERM one more checkpoint is saved, so the previous one is another.
    saves = any(signum in (signal.SIGINT, signal.SIGTERM) for signum, _ in plans)
    compare(run, base.folder, printed, base.lines, done,
            [name for name in SAME if not saves or name != 'previous.safetensors'])
    return EQUAL


def resume(room, run, options, **how):
    """Train into the folder `run`, or resume the run if it had begun; return the `Done`."""
    begun = os.path.exists(os.path.join(run, 'config.json'))
    return room.run('train', *(['--resume', run, '--no-report'] if begun else
                               ['--out', run] + options), **how)


def judge(done, signum):
    """Raise Defect unless a process ended as one that got the signal does, or by itself."""
    codes = (0,) + CODES.get(signum, ())
    if done.code not in codes:
        raise Defect('exit code %d' % done.code, done)
    survived(done._replace(code=max(0, done.code)))


def compare(run, folder, printed, lines, done, names=SAME):
    """Raise Defect unless `run` has the files of `folder`, and the same lines were printed."""
    compare_files(run, folder, done, names)
    if list(dict.fromkeys(printed)) != list(dict.fromkeys(lines)):
        raise Defect('other lines were printed', done)
    unchanged({}, snapshot(run), lambda name: True, done)
    extra = set(os.listdir(run)) - set(os.listdir(folder)) - {'tensorboard'}
    if extra:
        raise Defect('left: ' + ', '.join(sorted(extra)), done)


def compare_files(run, folder, done, names):
    """Raise Defect unless the files `names` of two folders are the same to the last byte.

    Of the previous checkpoint, which may be from the middle of an epoch, the clock does not count.
    """
    for name in names:
        try:
            one, two = (_content(os.path.join(where, name)) for where in (folder, run))
        except OSError as error:
            raise Defect('in the end %s: %s' % (error.strerror, name), done)
        if one != two:
            raise Defect('%s is not the same' % name, done)


def _content(path):
    with open(path, 'rb') as f:
        content = f.read()
    if os.path.basename(path) != 'previous.safetensors':
        return content
    from gluonblocks.runs.weights import decode_tensors
    tensors, info = decode_tensors(content, path)
    return ({name: (array.dtype, array.shape, array.tobytes()) for name, array in tensors.items()},
            dict(info, seconds=None))


FIXED = {
    'before its first call': lambda room: trial(room, 'plain', [at(1, signal.SIGKILL)]),
    'in the middle of four calls': lambda room: trial(room, 'plain', [
        at(call, signal.SIGKILL, shim.HALF) for call in (30, 12, 7, 3)]),
    'interrupted in a save': lambda room: trial(room, 'adam', [at(30, signal.SIGINT)]),
    'terminated in a save': lambda room: trial(room, 'devices', [at(30, signal.SIGTERM)]),
    'hung up in a rename': lambda room: trial(room, 'tensorboard', [
        at(40, signal.SIGHUP, shim.AFTER)])}
