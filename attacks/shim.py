"""The shim in C: how it is compiled, told what to do, and asked what it did."""
import os
import shutil
import struct
import subprocess
from typing import NamedTuple

OPEN, WRITE, FSYNC, RENAME, UNLINK, MKDIR, READ = (1 << i for i in range(7))
SAVING = OPEN | WRITE | FSYNC | RENAME | UNLINK | MKDIR
COUNT, BEFORE, AFTER, HALF, ERROR, SHORT = range(6)

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'shim.c')
VARIABLE = 'ATTACK_SHIM'


class Shim(NamedTuple):
    """What is to happen at the `at`-th of the `calls` on files in `folder`, whose path has `only`.

    `action`: COUNT nothing; BEFORE, AFTER or in the midst of it (HALF) the signal `value`; ERROR
    the errno `value`; SHORT half of the bytes. `always`: at the calls after it too.
    """

    folder: str
    calls: int = SAVING
    at: int = 0
    action: int = COUNT
    value: int = 0
    always: bool = False
    only: str = ''

    def variable(self, report):
        """The environment variable's text for a process that is started anew."""
        return '%d %d %d %d %d %s|%s|%s' % (self.calls, self.at, self.action, self.value,
                                            self.always, self.folder, report, self.only)

    def arm(self, report):
        """Arm the shim in this process, which was started with it preloaded."""
        import ctypes
        if ctypes.CDLL(None).attack_arm(
                os.fsencode(self.folder), os.fsencode(report), os.fsencode(self.only), self.calls,
                self.at, self.action, self.value, int(self.always)):
            raise OSError('the shim could not be armed: ' + report)


def compile_shim(folder):
    """Compile the shim into `folder`; its path, or None where there is no C compiler."""
    compiler = shutil.which('cc') or shutil.which('gcc')
    if not compiler:
        return None
    path = os.path.join(folder, 'shim.so')
    done = subprocess.run([compiler, '-O1', '-shared', '-fPIC', SOURCE, '-o', path, '-ldl'],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=dict(os.environ, TMPDIR=folder))
    return path if done.returncode == 0 else None


def new_report(path):
    """An empty report, which another user may write to as well."""
    with open(path, 'wb') as f:
        f.write(bytes(12))
    os.chmod(path, 0o666)


def read_report(path):
    """(calls counted, whether it happened, files opened that a link could have stood for)."""
    with open(path, 'rb') as f:
        return struct.unpack('iii', f.read(12))
