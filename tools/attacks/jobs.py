"""Run gluonblocks commands in forks of this process, which has already imported gluonblocks.

This process imports MXNet but must not compute with it, so that MXNet starts no threads and the
forks behave like new processes. A `Sandbox` is the folder in which a case runs its commands.
"""
import contextlib
import ctypes
import mmap
import os
import random
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
from typing import NamedTuple, Optional, Sequence, Tuple

from .shim import Shim

MEMORY, SECONDS = 3 << 29, 120  # limits of one command, in bytes and seconds
MAX_OUTPUT = 1 << 20  # bytes of stdout and of stderr that are read


class Job(NamedTuple):
    """The command `gluonblocks ARGV`, and the faults to inject into it.

    `kill` is (seconds, signal): the process receives the signal after that many seconds. `shim`
    injects faults into its system calls.
    """

    argv: Sequence[str]
    cwd: str
    kill: Optional[Tuple[float, int]] = None
    shim: Optional[Shim] = None

    @property
    def words(self):
        """The command and the faults to inject into it, as one line of text."""
        return ' '.join(['gluonblocks', *self.argv]) + ''.join(
            '  [%s]' % (fault,) for fault in (self.kill, self.shim) if fault)


class Done(NamedTuple):
    """The result of a job: its exit code (-N: killed by signal N), stdout, stderr and duration.

    `exceeded` is 'time' or 'memory' if the job exceeded that limit. `calls` is the number of system
    calls that `job.shim` counted.
    """

    job: Job
    code: int
    out: str
    err: str
    seconds: float = 0
    exceeded: str = ''
    calls: int = 0


def run(job):
    """Run `job` until it exits or exceeds a limit; return the result, a `Done`."""
    out, err, counter = tempfile.TemporaryFile(), tempfile.TemporaryFile(), mmap.mmap(-1, 4)
    exceeded, kill, start = '', job.kill, time.monotonic()
    sys.stdout.flush()
    child = os.fork()
    if not child:
        _become(job, out, err, counter)
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        now = time.monotonic()
        if pid:
            break
        if kill and now >= start + kill[0]:
            os.kill(child, kill[1])
            kill = None
        late = now > start + SECONDS
        if not exceeded and (late or _memory(child) > MEMORY):
            exceeded = 'time' if late else 'memory'
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # processes that the job left running
    if usage.ru_maxrss * 1024 > MEMORY:
        exceeded = 'memory'
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    return Done(job, code, _text(out), _text(err), now - start, exceeded,
                struct.unpack('i', counter[:])[0])


def _become(job, out, err, counter):
    """Run the job in this process, then exit.

    The shim counts the system calls of this process in the shared memory `counter`.
    """
    code = 1
    try:
        os.setsid()
        with open(os.devnull) as null:
            for number, stream in enumerate((null, out, err)):
                os.dup2(stream.fileno(), number)
        os.chdir(job.cwd)
        die_with_parent()
        os.environ['PATH'] = ''  # hides apt-get, which would download missing data
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        from gluonblocks.__main__ import main
        sys.argv = ['gluonblocks', *job.argv]
        if job.shim:
            job.shim.arm(counter)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = main()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    except SystemExit as stop:
        code = int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


class Sandbox:
    """The environment of one case: a folder, a random number generator, and the shared fixtures.

    `notes` lists what the case did, and `kills` counts how often it interrupted a run.
    """

    def __init__(self, folder, fixtures, seed):
        self.folder, self.fixtures = folder, fixtures
        self.rng, self.notes, self.kills = random.Random(seed), [], 0

    def path(self, *names):
        """Join the path components `names` to the path of the sandbox's folder."""
        return os.path.join(self.folder, *names)

    def note(self, text):
        """Record `text`, which says what this case did; it is shown if the case finds a defect."""
        self.notes.append(text)

    def copy(self, name, to='run'):
        """Copy the fixture run called `name` into the sandbox; return the copy's path."""
        return shutil.copytree(self.fixtures.run(name).folder, self.path(to))

    def run(self, *argv, **faults):
        """Run `gluonblocks ARGV` in the sandbox's folder; return the result, a `Done`.

        `faults` may contain `kill` and `shim`, which are fields of `Job`.
        """
        job = Job(argv, self.folder, **faults)
        self.note(job.words)
        return run(job)


def die_with_parent():
    """Make the kernel kill this process when its parent exits for any reason."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)


def _memory(pid):
    """Return the resident memory of a process in bytes, or 0 if it has exited."""
    try:
        with open('/proc/%d/statm' % pid) as f:
            return int(f.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')
    except (OSError, IndexError):
        return 0


def _text(stream):
    """Return the first MAX_OUTPUT bytes of a stream as text, and close the stream."""
    with stream:
        stream.seek(0)
        return stream.read(MAX_OUTPUT).decode(errors='backslashreplace')
