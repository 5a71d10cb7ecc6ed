"""The processes of one machine: started, listened to, ended."""
import collections
import os
import selectors
import signal
import socket
import subprocess
import time

from .lines import Lines
from .member import VARIABLE

LAST = 15  # lines that are kept of what a process printed
DRAIN = 2.0  # seconds to read what an ended process left, where another holds its files open


class Child:
    """A process and its name, such as 'worker 0'; `last` has its last lines on stderr."""

    def __init__(self, name, process, lines):
        self.name, self.process, self.lines = name, process, lines
        self.open, self.ended_at, self.last = 3, None, collections.deque(maxlen=LAST)


class Children:
    """The processes of a launcher, each of which is a `Member`.

    `receive(name, message)` is called with each message of a process. When the process has ended,
    the message is of the kind 'exit', with the `code` and its last lines in `said`.
    `show(name, stream, text)` is called with each line of its stdout and stderr. A file that is
    registered with `selector` needs a function as its data, which is called when the file has
    something to read. This is a context manager, which kills the processes at its end.
    """

    def __init__(self, receive, show):
        self.selector, self._children = selectors.DefaultSelector(), {}
        self._receive, self._show = receive, show

    def start(self, name, argv, env):
        """Start a process."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=dict(env, **{VARIABLE: str(theirs.fileno())}), pass_fds=[theirs.fileno()],
                start_new_session=True)  # Ctrl-C is for the launcher, who asks all to stop
        ours.settimeout(5)
        child = self._children[name] = Child(name, process, Lines(ours))
        self.selector.register(child.lines, selectors.EVENT_READ, lambda: self._hear(child))
        for stream, pipe in [('stdout', process.stdout), ('stderr', process.stderr)]:
            os.set_blocking(pipe.fileno(), False)
            self.selector.register(pipe, selectors.EVENT_READ,
                                   _Reader(self, child, stream, pipe).read)

    def send(self, name, kind, **content):
        """Send a message to a process, unless it has ended."""
        if name in self._children:
            self._children[name].lines.send(kind, **content)

    def turn(self, seconds):
        """Wait up to `seconds` for messages, lines and ends of processes, and pass them on."""
        for key, _ in self.selector.select(seconds):
            key.data()
        for child in list(self._children.values()):
            child.lines.ping()
            if child.process.poll() is None:
                continue
            child.ended_at = child.ended_at or time.monotonic()
            if not child.open or time.monotonic() - child.ended_at > DRAIN:
                del self._children[child.name]
                self._receive(child.name, {'kind': 'exit', 'code': child.process.returncode,
                                           'said': list(child.last)})

    def closed(self, child, thing):
        """Close `thing`, the `Lines` or a pipe of `child`, which has come to its end."""
        self.selector.unregister(thing)
        thing.close()
        child.open -= 1

    def _hear(self, child):
        messages = child.lines.receive()
        if messages is None:
            self.closed(child, child.lines)
            return
        for message in messages:
            self._receive(child.name, message)

    def show(self, child, stream, text):
        """Pass on a line that `child` printed."""
        if stream == 'stderr' and text.strip():
            child.last.append(text)
        self._show(child.name, stream, text)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for child in self._children.values():
            # SIGKILL, as one that is stopped takes no other, and none has anything to tidy up.
            child.process.kill()
        for child in self._children.values():
            child.process.wait()
            child.lines.close()
            child.process.stdout.close()
            child.process.stderr.close()
        self.selector.close()


class _Reader:
    """The lines of a pipe."""

    def __init__(self, children, child, stream, pipe):
        self._children, self._child, self._stream, self._pipe = children, child, stream, pipe
        self._rest = b''

    def read(self):
        content = os.read(self._pipe.fileno(), 2 ** 16)
        *lines, self._rest = (self._rest + content).split(b'\n')
        if not content and self._rest:
            lines = [self._rest]
        for line in lines:
            self._children.show(self._child, self._stream, line.decode(errors='replace'))
        if not content:
            self._children.closed(self._child, self._pipe)


def ending(code):
    """Return in words how a process with this exit code, negative after a signal, ended."""
    if code < 0:
        names = {int(s): s.name for s in signal.Signals}  # not of all real-time signals
        return 'was ended by %s' % names.get(-code, 'signal %d' % -code)
    return 'ended with exit code %d' % code
