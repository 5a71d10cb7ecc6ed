"""The shim in C: how it is compiled, and what it is to do in a process."""
import ctypes
import os
import subprocess
from typing import NamedTuple

OPEN, WRITE, FSYNC, RENAME, UNLINK, MKDIR = (1 << i for i in range(6))
SAVING = OPEN | WRITE | FSYNC | RENAME | UNLINK | MKDIR
COUNT, BEFORE, AFTER, HALF, ERROR, SHORT = range(6)

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'shim.c')


class Shim(NamedTuple):
    """The `action` at the `at`-th of the `calls` on files in `folder` whose path contains `only`.

    COUNT does nothing; BEFORE, AFTER and HALF (in the middle of the call) raise the signal `value`;
    ERROR fails with the errno `value`; SHORT writes half of the bytes. `always` repeats the action
    at every later call.
    """

    folder: str
    calls: int = SAVING
    at: int = 0
    action: int = COUNT
    value: int = 0
    always: bool = False
    only: str = ''

    def arm(self, counter):
        """Arm the shim, which is preloaded, in this process; `counter` is shared memory."""
        ctypes.CDLL(None).attack_arm(
            os.fsencode(self.folder), os.fsencode(self.only), self.calls, self.at, self.action,
            int(self.value), int(self.always), (ctypes.c_int * 1).from_buffer(counter))


def compile_shim(folder):
    """Compile the shim into `folder`; return its path. Raises OSError without a C compiler."""
    path = os.path.join(folder, 'shim.so')
    subprocess.run(['cc', '-O1', '-shared', '-fPIC', SOURCE, '-o', path, '-ldl'], check=True)
    return path
