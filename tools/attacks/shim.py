"""Compile shim.c, and configure what it does in a process."""
import ctypes
import os
import subprocess
from typing import NamedTuple

OPEN, WRITE, FSYNC, RENAME, UNLINK, MKDIR = (1 << i for i in range(6))
SAVING = OPEN | WRITE | FSYNC | RENAME | UNLINK | MKDIR
COUNT, BEFORE, AFTER, HALF, ERROR, SHORT = range(6)

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'shim.c')


class Shim(NamedTuple):
    """An `action` to perform at the `at`-th of the selected system calls.

    The calls are selected by kind, `calls`, and by file: in `folder`, with `only` in the path.
    The action COUNT only counts the calls. BEFORE, AFTER and HALF (after half of a write) raise
    the signal `value`. ERROR makes the call fail with the errno `value`. SHORT writes half of the
    bytes. If `always` is true, the action also applies to every later call.
    """

    folder: str
    calls: int = SAVING
    at: int = 0
    action: int = COUNT
    value: int = 0
    always: bool = False
    only: str = ''

    def arm(self, counter):
        """Start the preloaded shim in this process; it counts in the shared memory `counter`."""
        ctypes.CDLL(None).attack_arm(
            os.fsencode(self.folder), os.fsencode(self.only), self.calls, self.at, self.action,
            int(self.value), int(self.always), (ctypes.c_int * 1).from_buffer(counter))


def compile_shim(folder):
    """Compile the shim into `folder`; return its path. Raises OSError if cc is missing."""
    path = os.path.join(folder, 'shim.so')
    subprocess.run(['cc', '-O1', '-shared', '-fPIC', SOURCE, '-o', path, '-ldl'], check=True)
    return path
