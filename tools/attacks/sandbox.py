"""A case's room: a folder for everything that it writes, random numbers, and commands to run."""
import os
import random
import shutil

from . import jobs
from .jobs import Job


class NotTried(Exception):
    """A case that cannot be tried on this machine; the message says what is missing."""


class Room:
    """A folder, random numbers, the material, and commands to run, for one case.

    `notes` say in words what the case did, and `kills` counts signals.
    """

    def __init__(self, folder, material, seed):
        self.folder, self.material = folder, material
        self.rng, self.notes, self.kills = random.Random(seed), [], 0

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
        job = Job(argv, self.folder, **how)
        self.note(job.words)
        return jobs.run(job)
