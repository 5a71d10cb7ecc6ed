"""Compile shim.c, and configure the faults that it injects into a process."""
import ctypes
import os
import subprocess
from typing import NamedTuple

OPEN, WRITE, FSYNC, RENAME, UNLINK, MKDIR = (1 << i for i in range(6))
SAVING = OPEN | WRITE | FSYNC | RENAME | UNLINK | MKDIR
COUNT, BEFORE, AFTER, HALF, ERROR, SHORT = range(6)

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'shim.c')


class Shim(NamedTuple):
    """The `action` to take at the `at`-th selected system call, counting from 1.

    A call is selected if its kind is in `calls`, its file is in `folder`, and the file's path
    contains `only`. The action COUNT only counts calls. BEFORE, AFTER and HALF raise the signal
    `value` before a call, after it, or after half of a write. ERROR makes the call fail with the
    errno `value`. SHORT writes half of the bytes. `always` applies the action to later calls too.
    """

    folder: str
    calls: int = SAVING
    at: int = 0
    action: int = COUNT
    value: int = 0
    always: bool = False
    only: str = ''

    def arm(self, counter):
        """Activate the preloaded shim in this process; it counts system calls in `counter`."""
        ctypes.CDLL(None).attack_arm(
            os.fsencode(self.folder), os.fsencode(self.only), self.calls, self.at, self.action,
            int(self.value), int(self.always), (ctypes.c_int * 1).from_buffer(counter))


def compile_shim(folder):
    """Compile shim.c into `folder`; return the library's path. Raises OSError if cc is missing."""
    path = os.path.join(folder, 'shim.so')
    subprocess.run(['cc', '-O1', '-shared', '-fPIC', SOURCE, '-o', path, '-ldl'], check=True)
    return path
