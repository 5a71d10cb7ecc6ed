"""A worker process: `python -m benchmarks.worker SPEC`, requests on stdin, answers on stdout.

SPEC, each request and each answer are JSON. The first answer comes when the variant is ready, or
says {"unavailable": why}; {"error": what} may come in the place of any. To a training variant a
request is a round, {"warm": passes, "core": passes, "train": batches, "evaluate": batches}: first
passes of the network alone that do not count, then what does; the network alone runs before the
training and after it, so that what slows the machine meanwhile meets both. The answer has
[seconds, images] of each, ours "train_cpu" too, the training's CPU seconds, and all answers have
"peak_mib".
"""
import json
import os
import resource
import signal
import sys
import tempfile

from . import variants
from .onednn import primitive_times
from .workers import Unavailable


class Requests:
    """Reads requests and writes answers, and keeps for itself the stdout that libraries write to.

    What they write goes to a file, where oneDNN's verbose lines are found again.
    """

    def __init__(self):
        self._answers = os.fdopen(os.dup(1), 'w')
        self._printed = tempfile.TemporaryFile('w+', errors='replace')
        os.dup2(self._printed.fileno(), 1)
        self._printed = os.fdopen(os.dup(self._printed.fileno()), 'r', errors='replace')

    def __iter__(self):
        for line in sys.stdin:
            request = json.loads(line)
            if request.pop('reset_peak', False):
                _reset_peak()
            yield request

    def answer(self, **what):
        self._answers.write(json.dumps(dict(what, peak_mib=_peak_mib())) + '\n')
        self._answers.flush()

    def forget_printed(self):
        """Drop what was printed up to now."""
        os.truncate(self._printed.fileno(), 0)
        os.lseek(self._printed.fileno(), 0, os.SEEK_SET)

    def primitives(self):
        """The times of oneDNN's primitives since `forget_printed`."""
        self._printed.seek(0)
        return primitive_times(self._printed)


def _peak_mib():
    """The largest resident memory of this process, since `_reset_peak` where Linux can do that."""
    try:
        with open('/proc/self/status') as f:
            kib = next(int(line.split()[1]) for line in f if line.startswith('VmHWM:'))
    except (OSError, StopIteration):
        kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kib / 1024


def _reset_peak():
    try:
        with open('/proc/self/clear_refs', 'w') as f:
            f.write('5')
    except OSError:
        pass


def main():
    spec = json.loads(sys.argv[1])
    requests = Requests()
    try:
        try:
            variants.KINDS[spec.pop('kind')](requests, **spec)
        except Unavailable as error:
            requests.answer(unavailable=str(error))
        except (OSError, ValueError) as error:  # the project's own say what to do, in several lines
            requests.answer(error=str(error))
        except Exception as error:  # others bring traces: the last line counts
            said = str(error).strip().splitlines() or ['']
            requests.answer(error='%s: %s' % (type(error).__name__, said[-1]))
    except BrokenPipeError:
        pass  # nobody is left to read the answer
    finally:
        _end()


def _end():
    """End this process and those that it started, stopped ones too.

    Not by Python's exit: MXNet, PyTorch and multiprocessing tidy up there, which takes time and,
    where a loader's processes are stopped, waits for ever.
    """
    if os.getpgrp() == os.getpid():  # not where someone started it by hand among other processes
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == '__main__':
    main()
