"""Commands of gluonblocks, each in a process forked off this one, which has imported gluonblocks,
and the room of a case, in which they run.

Nothing of MXNet may be computed in this process, only imported: then it has no threads of MXNet,
and a fork of it is a process like any other.
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
KEPT = 1 << 20  # bytes of each stream that are read


class Job(NamedTuple):
    """A command, `gluonblocks ARGV`, and what happens to it.

    `kill` is (seconds, signal), `shim` what happens at its system calls.
    """

    argv: Sequence[str]
    cwd: str
    kill: Optional[Tuple[float, int]] = None
    shim: Optional[Shim] = None

    @property
    def words(self):
        """The command, for people, and what happens to it."""
        return ' '.join(['gluonblocks', *self.argv]) + ''.join(
            '  [%s]' % (what,) for what in (self.kill, self.shim) if what)


class Done(NamedTuple):
    """The end of a job: its exit code (-N: ended by the signal N), stdout, stderr and seconds.

    `ended` is 'time' or 'memory' if it exceeded that limit; `calls` were counted by the shim.
    """

    job: Job
    code: int
    out: str
    err: str
    seconds: float = 0
    ended: str = ''
    calls: int = 0


def run(job):
    """Run `job` to its end, under the limits; return its `Done`."""
    out, err, counter = tempfile.TemporaryFile(), tempfile.TemporaryFile(), mmap.mmap(-1, 4)
    ended, kill, start = '', job.kill, time.monotonic()
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
        if not ended and (late or _memory(child) > MEMORY):
            ended = 'time' if late else 'memory'
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # processes that it left
    if usage.ru_maxrss * 1024 > MEMORY:
        ended = 'memory'
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    return Done(job, code, _text(out), _text(err), now - start, ended,
                struct.unpack('i', counter[:])[0])


def _become(job, out, err, counter):
    """Run the job in this process, and end it; the shim counts in shared memory, `counter`."""
    code = 1
    try:
        os.setsid()
        with open(os.devnull) as null:
            for number, stream in enumerate((null, out, err)):
                os.dup2(stream.fileno(), number)
        os.chdir(job.cwd)
        die_with_parent()
        os.environ['PATH'] = ''  # no apt-get, which would look for missing data
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


class Room:
    """A folder, random numbers, the material, and commands to run, for one case.

    `notes` say in words what the case did, and `kills` counts signals.
    """

    def __init__(self, folder, material, seed):
        self.folder, self.material = folder, material
        self.rng, self.notes, self.kills = random.Random(seed), [], 0

    def path(self, *names):
        """Return a path in the room."""
        return os.path.join(self.folder, *names)

    def note(self, text):
        """Remember in words what the case did, for the report of a defect."""
        self.notes.append(text)

    def copy(self, name, to='run'):
        """Copy a run of the material into the room; return the copy's path."""
        return shutil.copytree(self.material.run(name).folder, self.path(to))

    def run(self, *argv, **how):
        """Run `gluonblocks ARGV` in the room, with the fields of a `Job`; return the `Done`."""
        job = Job(argv, self.folder, **how)
        self.note(job.words)
        return run(job)


def die_with_parent():
    """Have the kernel kill this process when its parent ends, for whatever reason."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)


def _memory(pid):
    """Return the bytes of memory that a process uses; 0 once it has ended."""
    try:
        with open('/proc/%d/statm' % pid) as f:
            return int(f.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')
    except (OSError, IndexError):
        return 0


def _text(stream):
    """Read a stream from its beginning, and close it."""
    with stream:
        stream.seek(0)
        return stream.read(KEPT).decode(errors='backslashreplace')
