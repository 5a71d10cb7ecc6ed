"""Kill and resume a run repeatedly, then compare its result with that of an undisturbed run."""
import os
import signal

from . import shim
from .fixtures import RUNS, SAME
from .verdict import EQUAL, Defect, output, snapshot, survived, unchanged

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# {signal: allowed exit codes}. 0 is also allowed, if the process exits before the signal arrives.
CODES = {signal.SIGKILL: (-9,), signal.SIGHUP: (-1,), signal.SIGTERM: (143, -15),
         signal.SIGINT: (130, -2)}  # -2: before the command starts, or after it finishes
VARIANTS = ('plain', 'adam', 'devices', 'tensorboard')


def draw(sandbox):
    """Kill a run one to four times, at random system calls or at random moments."""
    rng, variant = sandbox.rng, sandbox.rng.choice(VARIANTS)
    base, plans = sandbox.fixtures.run(variant), []
    for _ in range(rng.choice((1, 1, 2, 4))):
        signum, action = rng.choice(SIGNALS), rng.choice((shim.BEFORE, shim.AFTER, shim.HALF))
        plans.append(at(rng.randint(1, base.calls), signum, action) if rng.random() < 0.6 else (
            signum, {'kill': (rng.uniform(0.02, 1.1 * base.seconds), signum)}))
    return trial(sandbox, variant, plans)


def at(call, signum, action=shim.BEFORE):
    """Return (signal, `Job` fields) for a job that gets the signal at its `call`-th system call."""
    return signum, {'shim': shim.Shim('', at=call, action=action, value=signum)}


def trial(sandbox, variant, plans):
    """Start a run, interrupt and resume it once for each of `plans`, and let it finish.

    Return EQUAL, or raise Defect if the result differs from that of an undisturbed run.
    """
    base, run, printed = sandbox.fixtures.run(variant), sandbox.path('run'), []
    for signum, faults in plans + [(None, {})]:
        if 'shim' in faults:
            faults = {'shim': faults['shim']._replace(folder=run)}
        done = resume(sandbox, run, RUNS[variant], **faults)
        printed += output(done)
        judge(done, signum)
        sandbox.kills += bool(signum and done.code)
    # On Ctrl-C or SIGTERM, a run saves an extra checkpoint. Its previous.safetensors then differs
    # from that of an undisturbed run, so do not compare this file.
    saves = any(signum in (signal.SIGINT, signal.SIGTERM) for signum, _ in plans)
    compare(run, base.folder, printed, base.lines, done,
            [name for name in SAME if not saves or name != 'previous.safetensors'])
    return EQUAL


def resume(sandbox, run, options, **faults):
    """Start a run in the folder `run`, or resume it if config.json exists; return a `Done`."""
    started = os.path.exists(os.path.join(run, 'config.json'))
    return sandbox.run('train', *(['--resume', run, '--no-report'] if started else
                               ['--out', run] + options), **faults)


def judge(done, signum):
    """Raise Defect unless a process succeeded, or exited as expected after the signal `signum`."""
    codes = (0,) + CODES.get(signum, ())
    if done.code not in codes:
        raise Defect('exit code %d' % done.code, done)
    survived(done._replace(code=max(0, done.code)))


def compare(run, folder, printed, lines, done, names=SAME):
    """Raise Defect unless two runs saved identical files and printed the same lines."""
    compare_files(run, folder, done, names)
    if list(dict.fromkeys(printed)) != list(dict.fromkeys(lines)):
        raise Defect('the printed lines differ', done)
    unchanged({}, snapshot(run), lambda name: True, done)
    extra = set(os.listdir(run)) - set(os.listdir(folder)) - {'tensorboard'}
    if extra:
        raise Defect('left behind: ' + ', '.join(sorted(extra)), done)


def compare_files(run, folder, done, names):
    """Raise Defect unless the files `names` in two folders are identical.

    The elapsed time in previous.safetensors is ignored: a checkpoint from the middle of an epoch
    records the time since the start of the epoch, which differs from run to run.
    """
    for name in names:
        try:
            one, two = (_content(os.path.join(where, name)) for where in (folder, run))
        except OSError as error:
            raise Defect('after the run, %s: %s' % (name, error.strerror), done)
        if one != two:
            raise Defect('%s differs' % name, done)


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
    'before its first call': lambda sandbox: trial(sandbox, 'plain', [at(1, signal.SIGKILL)]),
    'in the middle of four calls': lambda sandbox: trial(sandbox, 'plain', [
        at(call, signal.SIGKILL, shim.HALF) for call in (30, 12, 7, 3)]),
    'interrupted while saving': lambda sandbox: trial(sandbox, 'adam', [at(30, signal.SIGINT)]),
    'terminated while saving': lambda sandbox: trial(sandbox, 'devices', [at(30, signal.SIGTERM)]),
    'hung up while renaming': lambda sandbox: trial(sandbox, 'tensorboard', [
        at(40, signal.SIGHUP, shim.AFTER)])}
