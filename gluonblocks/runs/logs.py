"""What several workers print: the first one's here, the others' in logs/ of the run's folder."""
import os
import sys

FOLDER = 'logs'


class Logs:
    """Passes lines on, by the name of the process that printed them.

    Those of 'worker 0' go to stdout and stderr of this process, the others' to `folder`, once
    there is a file `sign` in it, as a folder belongs to a run only then. Without a folder they are
    dropped.
    """

    def __init__(self, folder, sign):
        self._folder, self._sign, self._waiting = folder, sign, []

    def show(self, name, stream, text):
        """Take a line."""
        if name == 'worker 0':
            print(text, file=getattr(sys, stream), flush=True)
        elif self._folder:
            self._waiting.append((name, text))
            self._write()

    def _write(self):
        if not os.path.exists(os.path.join(self._folder, self._sign)):
            return
        folder = os.path.join(self._folder, FOLDER)
        os.makedirs(folder, exist_ok=True)
        for name, text in self._waiting:
            file = name.replace('worker ', 'rank').replace(' ', '') + '.log'
            with open(os.path.join(folder, file), 'a', encoding='utf-8',
                      errors='surrogateescape') as f:
                f.write(text + '\n')
        self._waiting = []
