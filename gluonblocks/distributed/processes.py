"""Manage the worker processes of one machine, and collect their messages and output."""
import collections
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from .. import _runtime
from ..machine.cpus import physical_cores
from .connection import VARIABLE, Connection

LAST_LINES = 15  # number of lines of a process's stderr that are shown if it fails
DRAIN = 2.0  # seconds to keep reading the output of an exited process if its pipes stay open


def python_argv(module):
    """Return a command that runs the `main` function of `module` with the current `sys.path`."""
    path = [entry for entry in sys.path if isinstance(entry, str)]  # Python ignores other entries
    return [sys.executable, '-c',
            'import sys; sys.path[:] = %r; from %s import main; main()' % (path, module)]


class Processes:
    """The worker processes on a launcher's machine, each started with the command `argv`.

    The queue `events` receives each message from a process as (rank, message). It also receives a
    message of kind 'line' for each line that the process prints, and one of kind 'exit', with the
    last lines of stderr, when the process exits. After `silence` seconds without a heartbeat, the
    queue receives a 'silent' message. Exiting the context manager kills the processes.
    """

    def __init__(self, argv, events, silence):
        self._argv, self._events, self._silence = argv, events, silence
        self._processes, self._connections = {}, {}

    def start(self, ranks, **job):
        """Start one worker for each rank in `ranks`, and send it a job."""
        env = process_environment(len(ranks))
        for local_rank, rank in enumerate(ranks):
            self._start(rank, env)
            self._connections[rank].send('job', rank=rank, local_rank=local_rank, **job)

    def send(self, kind, rank, **content):
        """Send a message to the worker with this `rank`."""
        self._connections[rank].send(kind, **content)

    def _start(self, rank, env):
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, encoding='utf-8', errors='replace',
                pass_fds=[theirs.fileno()], env=dict(env, **{VARIABLE: str(theirs.fileno())}),
                start_new_session=True)  # so that only the launcher receives Ctrl-C
        self._processes[rank], self._connections[rank] = process, Connection(
            ours, self._silence)
        threading.Thread(target=self._follow, args=(rank,), daemon=True).start()

    def _follow(self, rank):
        """Queue all messages and output lines from a process, then a message when it exits."""
        process, last = self._processes[rank], collections.deque(maxlen=LAST_LINES)

        def read(stream, pipe):
            with pipe:
                for line in pipe:  # a carriage return, as in a progress bar, also ends a line
                    text = line.rstrip('\n')
                    self._events.put((rank, {'kind': 'line', 'stream': stream, 'text': text}))
                    if stream == 'stderr' and text.strip():
                        last.append(text)
        readers = [self._connections[rank].read_into(self._events, rank)]
        for args in [('stdout', process.stdout), ('stderr', process.stderr)]:
            readers.append(threading.Thread(target=read, args=args, daemon=True))
            readers[-1].start()
        code, end = process.wait(), time.monotonic() + DRAIN
        for reader in readers:
            reader.join(max(0, end - time.monotonic()))
        self._events.put((rank, {'kind': 'exit', 'text': _exit_message(code, last)}))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for process in self._processes.values():
            process.kill()  # a suspended process would not react to SIGTERM
        for rank, process in self._processes.items():
            process.wait()
            self._connections[rank].close()


def process_environment(num_workers):
    """Return the environment variables for each of the `num_workers` workers on this machine.

    OMP_NUM_THREADS divides the cores among the workers, unless the user has set a thread count.
    Workers write their output in UTF-8, as `Processes` expects, regardless of the locale.
    """
    env = dict(os.environ, PYTHONIOENCODING='utf-8:surrogateescape')
    ours = any(text.startswith('OMP_NUM_THREADS=') for text in _runtime.patches)
    if ours or not (env.get('OMP_NUM_THREADS') or env.get('MXNET_OMP_MAX_THREADS')):
        env['OMP_NUM_THREADS'] = str(max(1, physical_cores() // max(1, num_workers)))
    return env


def _exit_message(code, last):
    """Return a message that says how a process exited; `code` is -N if signal N killed it."""
    text = 'exited with code %d' % code
    if code < 0:
        names = {int(s): s.name for s in signal.Signals}  # some real-time signals have no name
        text = 'was killed by %s' % names.get(-code, 'signal %d' % -code)
    return '\n'.join([text + ':' * bool(last), *last])
