"""The processes of one machine: started, listened to, ended."""
import collections
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from .. import _runtime
from .._runtime import physical_cores
from .connection import VARIABLE, Connection

LAST = 15  # lines of stderr that are saved of a process
DRAIN = 2.0  # seconds to read the output of an ended process whose pipes another holds open


def python_argv(module):
    """Return the command that runs `main()` of `module` with this `sys.path`."""
    return [sys.executable, '-c',
            'import sys; sys.path[:] = %r; from %s import main; main()' % (sys.path, module)]


class Processes:
    """The processes that a launcher runs on its machine; `argv` is the command of a worker.

    The queue `events` gets (rank, message) for each message of a process; for each line that it
    prints, of the kind 'line'; and for its end, of the kind 'exit', with its last lines on stderr.
    A process is 'silent' after `silence` seconds without a heartbeat.
    This is a context manager, which kills the processes at its end.
    """

    def __init__(self, argv, events, silence):
        self._argv, self._events, self._silence = argv, events, silence
        self._processes, self._connections = {}, {}

    def start(self, ranks, **job):
        """Start the workers of these `ranks`, and send each a message, its job."""
        env = process_environment(len(ranks))
        for local_rank, rank in enumerate(ranks):
            self._start(rank, env)
            self._connections[rank].send('job', rank=rank, local_rank=local_rank, **job)

    def send(self, kind, rank, **content):
        """Send a message to the process `rank`."""
        self._connections[rank].send(kind, **content)

    def _start(self, rank, env):
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, encoding='utf-8', errors='replace',
                pass_fds=[theirs.fileno()], env=dict(env, **{VARIABLE: str(theirs.fileno())}),
                start_new_session=True)  # Ctrl-C is for the launcher, which asks all to stop
        self._processes[rank], self._connections[rank] = process, Connection(
            ours, self._silence)
        threading.Thread(target=self._follow, args=(rank,), daemon=True).start()

    def _follow(self, rank):
        """Pass on all that a process sends and prints, and then its end."""
        process, last = self._processes[rank], collections.deque(maxlen=LAST)

        def read(stream, pipe):
            with pipe:
                for line in pipe:  # which ends with a carriage return too, as a progress bar's
                    text = line.rstrip('\n')
                    self._events.put((rank, {'kind': 'line', 'stream': stream, 'text': text}))
                    if stream == 'stderr' and text.strip():
                        last.append(text)
        readers = [self._connections[rank].read_into(self._events, rank)]
        for how in [('stdout', process.stdout), ('stderr', process.stderr)]:
            readers.append(threading.Thread(target=read, args=how, daemon=True))
            readers[-1].start()
        code, end = process.wait(), time.monotonic() + DRAIN
        for reader in readers:
            reader.join(max(0, end - time.monotonic()))
        self._events.put((rank, {'kind': 'exit', 'text': _ending(code, last)}))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for process in self._processes.values():
            process.kill()  # SIGTERM would not end a process that is stopped
        for rank, process in self._processes.items():
            process.wait()
            self._connections[rank].close()


def process_environment(num_workers):
    """Return the environment of a process on a machine whose cores `num_workers` workers share."""
    env = dict(os.environ)
    if any(text.startswith('OMP_NUM_THREADS=') for text in _runtime.mended):  # nobody chose
        env['OMP_NUM_THREADS'] = str(max(1, physical_cores() // max(1, num_workers)))
    return env


def _ending(code, last):
    """Return in words how a process with this exit code, negative after a signal, ended."""
    text = 'ended with exit code %d' % code
    if code < 0:
        names = {int(s): s.name for s in signal.Signals}  # not of all real-time signals
        text = 'was ended by %s' % names.get(-code, 'signal %d' % -code)
    return '\n'.join([text + ':' * bool(last), *last])
