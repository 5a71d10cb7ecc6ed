"""A run is killed, again and again, resumed each time, and its end compared with one left alone."""
import os
import shutil
import signal
from typing import Any, Dict

from . import shim
from .jobs import Job, without_page
from .material import RUN, SAME
from .verdict import EQUAL, Defect, clean_error, left_behind, said, snapshot, survived

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# What a process that got a signal may end with; 0 where it was too late.
CODES = {signal.SIGKILL: (-9,), signal.SIGHUP: (-1,), signal.SIGTERM: (143, -15),
         signal.SIGINT: (130, -2)}  # -2: as Python itself was ending
VARIANTS = {
    'plain': RUN + ['--checkpoint-every', '1'],
    'adam': RUN[:-4] + ['--optimizer', 'adam', '--lr', '0.001', '--lr-schedule', 'cosine',
                        '--warmup-epochs', '1', '--early-stop', '2', '--checkpoint-every', '3'],
    'devices': RUN + ['--ctx', 'cpu:0,1', '--label-smoothing', '0.1'],
    'tensorboard': RUN[:-4] + ['--tensorboard', '--optimizer', 'sgld', '--lr', '0.001'],
    'gluon': RUN + ['--model', 'lenet_bn_gluon', '--epochs', '3']}


def baseline(room, variant):
    """(folder, printed lines, calls that the shim counts, seconds) of a run left alone."""
    def make():
        material = room.material
        folder = material.path('kills-' + variant)
        shutil.rmtree(folder, ignore_errors=True)
        done = material.run('train', '--out', folder, *VARIANTS[variant],
                            shim=shim.Shim(folder) if room.sandbox.shim else None)
        if done.code:
            raise Defect('the run that nobody killed failed', done)
        return folder, said(done), done.calls, done.seconds
    # In the runner's lock: the material's own server serves one at a time.
    return room.material.once(('kills', variant), make)


def draw(room):
    variant = room.rng.choice(sorted(VARIANTS))
    return trial(room, variant, [plan(room, baseline(room, variant))
                                 for _ in range(room.rng.choice((1, 1, 2, 2, 3, 4)))])


def plan(room, base):
    """When and how a process is to be killed: a dict for its `Job`, by `trial`."""
    signum = room.rng.choice(SIGNALS)
    if room.sandbox.shim and room.rng.random() < 0.6:
        return {'at': room.rng.randint(1, base[2]), 'signal': signum,
                'action': room.rng.choice((shim.BEFORE, shim.AFTER, shim.HALF))}
    return {'seconds': room.rng.uniform(0.02, 1.1 * base[3]), 'signal': signum}


def trial(room, variant, plans):
    """Train, killed by each of `plans` in turn and resumed, then to the end: EQUAL, or Defect."""
    folder, lines, _, _ = baseline(room, variant)
    run, printed = room.path('run'), []
    for kill in plans + [None]:
        begun = os.path.exists(os.path.join(run, 'config.json'))
        argv = ['train', '--resume', run] if begun else ['train', '--out', run] + VARIANTS[variant]
        how: Dict[str, Any] = {}
        if kill and 'at' in kill:
            how['shim'] = shim.Shim(run, at=kill['at'], action=kill['action'],
                                    value=int(kill['signal']))
        elif kill:
            how['kill'] = (kill['seconds'], int(kill['signal']))
        done = room.run(*argv, **how)
        printed += said(done)
        judge(done, kill)
        room.kills += bool(kill and (done.fired or done.code))
    # Who is asked to stop saves once more: that checkpoint is then the one before some other.
    saves = any(kill['signal'] in (signal.SIGINT, signal.SIGTERM) for kill in plans)
    compare(run, folder, printed, lines, done,
            [name for name in SAME if not saves or name != 'previous.safetensors'])
    return EQUAL


def judge(done, kill):
    """Defect unless the process ended as one does that got the signal, or by itself."""
    if done.code < 0:  # the signal itself; all else has to be as of one that survived
        if not kill or done.code not in CODES[kill['signal']]:
            raise Defect('ended by signal %d' % -done.code, done)
        done = done._replace(code=0)
    survived(done)
    if done.code not in (0,) + (CODES[kill['signal']] if kill else ()):
        raise Defect('exit code %d' % done.code, done)


def compare(run, folder, printed, lines, done, names=SAME):
    """Defect unless the files of `run` are those of `folder`, and what was printed too."""
    for name in names:
        paths = [os.path.join(where, name) for where in (folder, run)]
        try:
            contents = [open(path, 'rb').read() for path in paths]
        except OSError as error:
            raise Defect('after all: %s' % error.strerror + ': ' + name, done)
        if contents[0] != contents[1]:
            raise Defect('%s is not the same' % name, done)
    if list(dict.fromkeys(printed)) != list(dict.fromkeys(lines)):
        raise Defect('other lines were printed', done)
    left_behind({}, snapshot(run))
    extra = set(os.listdir(run)) - set(os.listdir(folder)) - {'clock.json', 'tensorboard'}
    if extra:
        raise Defect('left: ' + ', '.join(sorted(extra)), done)


def at_call(variant, at, signum, action=shim.BEFORE):
    return lambda room: trial(room, variant, [{'at': at, 'signal': signum, 'action': action}])


def exclusive(room):
    """Files are written under names that nobody can have put a link at."""
    run = room.path('run')
    done = room.run('train', '--out', run, *VARIANTS['plain'], shim=shim.Shim(run))
    survived(done)
    if done.code or done.loose:
        raise Defect('%d files are opened where a link could stand' % done.loose, done)
    return EQUAL


def twice(room):
    """Killed in the midst of a call, and the run that is resumed again, four times."""
    calls = baseline(room, 'plain')[2]
    return trial(room, 'plain', [{'at': at, 'signal': signal.SIGKILL, 'action': shim.HALF}
                                 for at in (calls // 2, calls // 5, 7, 3)])


def together(room):
    """Four processes start in one folder at once: one trains, the others are told."""
    run = room.path('run')
    folder, lines, _, _ = baseline(room, 'plain')
    argv = without_page(['train', '--out', run] + VARIANTS['plain'])
    jobs = [Job(argv, room.folder) for _ in range(4)]
    done = room.together(*jobs)
    good = [one for one in done if one.code == 0]
    if len(good) != 1:
        raise Defect('%d of 4 trained' % len(good), done[0])
    for one in done:
        if one.code:
            clean_error(one, run)
    compare(run, folder, said(good[0]), lines, good[0])
    return EQUAL


def cold(signum, seconds, on_output=True):
    """As `draw`, in processes started anew, on the whole synthetic data set."""
    argv = ['--model', 'lenet_bn', '--dataset', 'synthetic', '--ctx', 'cpu', '--seed', '0',
            '--epochs', '2', '--batch-size', '256', '--checkpoint-every', '2']

    def run(room):
        alone, printed = room.path('alone'), []
        lines = said(room.run('train', '--out', alone, *argv, cold=True))
        one = room.path('run')
        for wait in seconds + (None,):
            begun = os.path.exists(os.path.join(one, 'config.json'))
            how = {'kill': (wait, int(signum)), 'on_output': on_output} if wait else {}
            done = room.run('train', *(['--resume', one] if begun else ['--out', one] + argv),
                            cold=True, **how)
            printed += said(done)
            judge(done, {'signal': signum} if wait else None)
            room.kills += done.code != 0
        compare(one, alone, printed, lines, done, SAME if signum == signal.SIGKILL else [
            name for name in SAME if name != 'previous.safetensors'])
        return EQUAL
    return run


def damaged_then_killed(room):
    """Killed, its last checkpoint damaged, killed again: the one before still leads to the end."""
    folder, lines, calls, _ = baseline(room, 'plain')
    run = room.path('run')
    first = room.run('train', '--out', run, *VARIANTS['plain'], shim=shim.Shim(
        run, at=calls // 2, action=shim.BEFORE, value=int(signal.SIGKILL)))
    room.kills += 1
    with open(os.path.join(run, 'last.safetensors'), 'r+b') as f:
        f.seek(5000)
        f.write(b'damage')
    second = room.run('train', '--resume', run, shim=shim.Shim(
        run, at=9, action=shim.HALF, value=int(signal.SIGKILL)))
    room.kills += 1
    third = room.run('train', '--resume', run)
    survived(third)
    os.unlink(os.path.join(run, 'last.damaged'))  # put aside, as was told
    compare(run, folder, said(first) + said(second) + said(third), lines, third)
    return EQUAL


FIXED = {
    '10-previous-is-the-same': at_call('plain', 40, signal.SIGKILL),
    '11-temporaries-are-exclusive': exclusive,
    'killed-before-its-first-call': at_call('plain', 1, signal.SIGKILL),
    'killed-four-times': twice, 'started-four-times-at-once': together,
    'last-damaged-and-killed': damaged_then_killed,
    'interrupted-in-a-save': at_call('adam', 30, signal.SIGINT),
    'terminated-in-a-save': at_call('devices', 30, signal.SIGTERM),
    'hung-up-in-a-rename': at_call('tensorboard', 50, signal.SIGHUP, shim.AFTER),
    'whole-processes-killed': cold(signal.SIGKILL, (0.1, 0.2)),
    'whole-processes-interrupted': cold(signal.SIGINT, (0.1,)),
    'whole-processes-terminated': cold(signal.SIGTERM, (0.1,)),
    'interrupted-before-it-trains': cold(signal.SIGINT, (0.7,), on_output=False),
    'killed-before-it-trains': cold(signal.SIGKILL, (0.7,), on_output=False)}
