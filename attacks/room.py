"""The room of one case: a folder of its own, its random numbers, and who runs its commands."""
import os
import random
import shutil

from .jobs import Job, without_page
from .sandbox import NotTried


class Room:
    """What a case gets. `notes` are what it did, in words, for whoever reads of a defect; `hits`,
    dicts, what it did to a training on several machines, and how that ended."""

    def __init__(self, folder, material, server, seed):
        self.folder, self.material, self.server = folder, material, server
        self.sandbox, self.rng, self.notes = material.sandbox, random.Random(seed), []
        self.peak, self.kills, self.hits = 0, 0, []

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def note(self, text):
        self.notes.append(text)

    def copy(self, name, to=None):
        """A copy of a run of the material; its path."""
        return shutil.copytree(self.material.path(name), self.path(to or name), symlinks=True)

    def run(self, *argv, **how):
        """Run `gluonblocks ARGV` in the room, by the options of a `Job`; the `Done`. No page."""
        return self.together(Job(without_page(argv), self.folder, **how))[0]

    def together(self, *jobs):
        for job in jobs:
            if job.shim and not self.sandbox.shim:
                raise NotTried('no C compiler')
            self.note(job.words)
        done = self.server.run(*jobs)
        self.peak = max([self.peak] + [one.peak for one in done])
        return done
