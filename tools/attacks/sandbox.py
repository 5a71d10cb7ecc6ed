"""The sandbox: a folder for everything that the attack writes, in a mount namespace of its own."""
import contextlib
import os
import random
import shutil
import subprocess

from . import jobs
from .jobs import Job

SIZE = 4 << 30


class NotTried(Exception):
    """A case that cannot be tried on this machine; the message says what is missing."""


USER = '--map-root-user'


def namespaces(*kinds):
    """Return the words before a command that run it in new namespaces, as `--mount`.

    Raises NotTried if this user may not have them, even as root of a user namespace.
    """
    for user in ([], [USER]):
        words = [shutil.which('unshare') or 'unshare', *kinds, *user]
        try:
            done = subprocess.run(words + ['true'], stderr=subprocess.PIPE, text=True)
        except OSError as error:
            raise NotTried('no command unshare: %s' % error.strerror)
        if done.returncode == 0:
            return words
    raise NotTried('no namespaces: %s' % done.stderr.strip())


class Sandbox:
    """A new folder for the attack: if `mounts`, a file system in memory, in a mount namespace."""

    def __init__(self, folder, mounts):
        self.folder, self._mounts = folder, mounts
        if mounts:
            self._mount(folder, SIZE)
        for name in ('home', 'tmp', 'rooms'):
            os.makedirs(self.path(name))

    def path(self, *names):
        """Return a path in the sandbox."""
        return os.path.join(self.folder, *names)

    @contextlib.contextmanager
    def small_disk(self, folder, size):
        """Mount a disk of `size` bytes on `folder`, which is new; give a function that resizes."""
        if not self._mounts:
            raise NotTried('full disks need a mount namespace')
        os.mkdir(folder)
        self._mount(folder, size)
        try:
            yield lambda size: self._mount(folder, size, 'remount,')
        finally:
            subprocess.run(['umount', '--lazy', folder], check=True)

    @staticmethod
    def _mount(folder, size, how=''):
        subprocess.run(['mount', '-t', 'tmpfs', '-o', '%ssize=%d' % (how, size), 'tmpfs', folder],
                       check=True)


class Room:
    """What a case gets: a folder of its own, random numbers, the material, and commands to run.

    `notes` say in words what the case did, `kills` counts signals, and `peak` is the most memory
    that a command took.
    """

    def __init__(self, folder, material, seed):
        self.folder, self.material, self.sandbox = folder, material, material.sandbox
        self.rng, self.notes, self.peak, self.kills = random.Random(seed), [], 0, 0

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
        return self.together(Job(argv, self.folder, **how))[0]

    def together(self, *to_run):
        """Run several `Job`s at the same time; return their `Done`s."""
        for job in to_run:
            self.note(job.words)
        done = jobs.run(to_run)
        self.peak = max([self.peak] + [one.peak for one in done])
        return done


def remove(folder):
    """Remove a folder and everything in it, whatever its permissions."""
    def allow(function, path, error):
        with contextlib.suppress(OSError):
            os.chmod(os.path.dirname(path), 0o700)
            os.chmod(path, 0o700)
            function(path)
    shutil.rmtree(folder, onerror=allow)
