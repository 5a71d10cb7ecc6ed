"""Jobs, commands of gluonblocks to be run, and the client of the server that runs them."""
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from .shim import Shim, new_report, read_report

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MEMORY = 2 << 30
SECONDS = 60


def ascii_word(word):
    """A word of a command line, so that it can be read and told apart."""
    text = word if len(word) < 200 else '%s...(%d characters)' % (word[:20], len(word))
    plain = text and text.isascii() and text.isprintable() and ' ' not in text
    return text if plain else ascii(text)


def without_page(argv):
    """`argv`, for a run that is kept without the page at its end, which takes longer than it."""
    keeps = list(argv[:1]) == ['train'] and ('--out' in argv or '--resume' in argv)
    return [*argv, '--no-report'] if keeps else list(argv)


class Job(NamedTuple):
    """A command of gluonblocks, and what happens to it.

    `argv` is what follows `gluonblocks`. A `cold` one is a process started anew, by `command` if
    there is one (a whole command line); another is forked off a server that has imported
    gluonblocks. `env` changes variables (None removes one). `kill` is (seconds, signal), with
    `on_output` counted from its first line on stdout; `shim` is what happens at its system calls;
    `other_user` takes its rights; `stop_at` has it stop after that step, as by Ctrl-C; `after` is
    how many seconds later than the first it is started.
    """

    argv: List[str]
    cwd: str
    cold: bool = False
    command: Optional[List[str]] = None
    env: Dict[str, Any] = {}
    kill: Optional[Tuple[float, int]] = None
    shim: Optional[Shim] = None
    on_output: bool = False
    other_user: bool = False
    stop_at: Optional[int] = None
    after: float = 0
    seconds: float = SECONDS
    memory: int = MEMORY

    @property
    def words(self):
        """The command, for people, and what happens to it."""
        said = ' '.join(map(ascii_word, self.command or ['gluonblocks'] + self.argv))
        if self.env:
            said = ' '.join('%s=%s' % pair for pair in self.env.items()) + ' ' + said
        if self.kill:
            said += '  [signal %d after %.3f s]' % self.kill[::-1]
        if self.shim:
            said += '  [%s]' % (self.shim[1:],)
        return said


class Done(NamedTuple):
    """What became of a job: its exit code (-N: ended by signal N), what it wrote on stdout and
    stderr, seconds, bytes of memory at most, and 'time' or 'memory' where it was ended for that.
    `calls`, `fired` and `loose` are the shim's report."""

    job: Job
    code: int
    out: str
    err: str
    seconds: float
    peak: int
    ended: str
    calls: int = 0
    fired: bool = False
    loose: int = 0


def environment(sandbox):
    """The variables that every job has: none of this user's, and no way into the network."""
    env = {'HOME': sandbox.path('home'), 'MXNET_HOME': sandbox.path('home'), 'LC_ALL': 'C.UTF-8',
           'PATH': sandbox.path('bin'), 'PYTHONPATH': ROOT, 'PYTHONDONTWRITEBYTECODE': '1',
           'OMP_NUM_THREADS': '1', 'MPLCONFIGDIR': sandbox.path('home'), 'MPLBACKEND': 'Agg',
           'TMPDIR': sandbox.path('tmp'), 'MXNET_GLUON_REPO': 'http://127.0.0.1:9/'}
    env.update({name: 'http://127.0.0.1:9' for name in ('http_proxy', 'https_proxy')})
    if 'LD_LIBRARY_PATH' in os.environ:
        env['LD_LIBRARY_PATH'] = os.environ['LD_LIBRARY_PATH']
    return env


class ServerError(RuntimeError):
    """The server that runs the jobs did not start, or went away."""


class Server:
    """A process that has imported gluonblocks and forks off a child for each job."""

    def __init__(self, sandbox, number):
        self._sandbox, self._number, self._count = sandbox, number, 0
        self._lock = threading.Lock()
        self._start()

    def _start(self):
        ours, theirs = socket.socketpair()
        env = environment(self._sandbox)
        if self._sandbox.shim:
            env['LD_PRELOAD'] = self._sandbox.shim
        with open(self._sandbox.path('server-%d.err' % self._number), 'wb') as err:
            self._process = subprocess.Popen(
                [sys.executable, '-m', 'attacks.server', str(theirs.fileno()),
                 self._sandbox.folder], pass_fds=[theirs.fileno()], env=env, cwd=ROOT,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err,
                start_new_session=True)
        theirs.close()
        self._socket, self._file = ours, ours.makefile('rw')

    def run(self, *jobs):
        """Run `jobs` at the same time, to the end of all; a list of `Done`s."""
        with self._lock:
            return self._run(jobs)

    def _run(self, jobs):
        wire = []
        for job in jobs:
            self._count += 1
            base = self._sandbox.path('streams', '%d-%d' % (self._number, self._count))
            for end in ('.out', '.err'):
                open(base + end, 'wb').close()
            if job.shim:
                new_report(base + '.shim')
            wire.append(dict(job._asdict(), base=base))
        try:
            self._file.write(json.dumps(wire) + '\n')
            self._file.flush()
            answers = json.loads(self._file.readline())
        except (OSError, ValueError):
            raise ServerError(self.last_words())
        return [self._done(job, spec['base'], answer)
                for job, spec, answer in zip(jobs, wire, answers)]

    def _done(self, job, base, answer):
        out, err = (self._take(base + end) for end in ('.out', '.err'))
        report = (0, 0, 0)
        if job.shim:
            report = read_report(base + '.shim')
            os.unlink(base + '.shim')
        return Done(job, answer['code'], out, err, answer['seconds'], answer['peak'],
                    answer['ended'], report[0], bool(report[1]), report[2])

    @staticmethod
    def _take(path):
        with open(path, 'rb') as f:
            text = f.read(1 << 20).decode(errors='backslashreplace')
        os.unlink(path)
        return text

    def last_words(self):
        with open(self._sandbox.path('server-%d.err' % self._number), errors='replace') as f:
            return 'the server ended: ' + (f.read().strip() or 'without a word')

    def close(self):
        """End the server and with it every job that runs."""
        for what in (self._file, self._socket):
            try:
                what.close()
            except OSError:
                pass
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
