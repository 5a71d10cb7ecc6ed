"""Where the attack takes place: a folder of its own, in namespaces of its own where they can be."""
import contextlib
import os
import shutil
import socket
import stat

from . import shim, system

SIZE = 4 << 30


class NotTried(Exception):
    """A case that cannot be tried here; the message says for want of what."""


class Sandbox:
    """A folder, made already, for all that the attack writes.

    `enter` gives the process a mount namespace in which everything else is read-only and the folder
    is a file system in memory, and a network namespace without a network. `lacking` says what could
    not be had, a line each; what needs it is then not tried.
    """

    def __init__(self, folder):
        self.folder = os.path.realpath(folder)
        self.lacking, self.mounts, self.shim = [], False, None

    def enter(self):
        """Go in, for good: for a process of its own, before it has threads."""
        try:
            system.leave(system.NEWNS | system.NEWNET)
            system.make_private()
            self.mounts = True
        except OSError as error:
            self.lacking.append('no namespaces (%s): full disks and devices are not tried, and '
                                'nothing keeps the host from a command that leaves its folder'
                                % error.strerror)
        if self.mounts:
            try:
                system.seal()
            except OSError as error:
                self.lacking.append('the host\'s files could not be made read-only (%s)'
                                    % error.strerror)
            system.mount_tmpfs(self.folder, SIZE)
        self.furnish()

    def furnish(self):
        """Make the folders that jobs need, and the shim."""
        for name in ('home', 'bin', 'tmp', 'streams', 'rooms'):
            os.makedirs(self.path(name))
            os.chmod(self.path(name), 0o777)
        self.shim = shim.compile_shim(self.folder)
        if not self.shim:
            self.lacking.append('no C compiler (cc): nothing is tried at exact system calls')

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def device(self, path, minor):
        """Make a device node: 3 null, 5 zero, 7 full. Never on the host's file systems."""
        if not self.mounts:
            raise NotTried('device nodes need a mount namespace')
        try:
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
            os.close(os.open(path, os.O_WRONLY))
        except OSError as error:  # in a user namespace nobody may
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise NotTried('device nodes: %s' % error.strerror)

    @contextlib.contextmanager
    def small_disk(self, folder, size):
        """A context in which `folder`, new, is a disk of `size` bytes; gives what changes that."""
        if not self.mounts:
            raise NotTried('full disks need a mount namespace')
        os.mkdir(folder)
        system.mount_tmpfs(folder, size)
        try:
            yield lambda size: system.mount_tmpfs(folder, size, again=True)
        finally:
            system.unmount(folder)


def make_socket(path):
    """A socket in a folder; a path of any length."""
    with socket.socket(socket.AF_UNIX) as one:
        # A socket's path is at most 107 bytes; through the folder's handle it is short.
        handle = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            one.bind('/proc/self/fd/%d/%s' % (handle, os.path.basename(path)))
        finally:
            os.close(handle)


def remove(folder):
    """Remove a folder and all in it, whatever rights were taken."""
    def allow(function, path, error):
        with contextlib.suppress(OSError):
            os.chmod(os.path.dirname(path), 0o700)
            os.chmod(path, 0o700)
            function(path)
    shutil.rmtree(folder, onerror=allow)
