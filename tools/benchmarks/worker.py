"""A worker process: `python -m tools.benchmarks.worker SPEC`, requests on stdin, answers on stdout.

SPEC, each request and each answer are JSON. SPEC has the kind of worker, a function of a module in
`variants`, and its arguments. The first answer comes when the worker is ready, or says
{"unavailable": why}; {"error": what} may come instead of any answer. A training worker's request is
a round, {"warm": passes, "core": passes, "train": batches, "evaluate": batches}, as
`timing.serve_rounds` describes. Every answer has "peak_mib".
"""
import collections
import contextlib
import importlib
import json
import os
import signal
import sys
import tempfile

from .workers import Unavailable


class Requests:
    """Reads requests and writes answers. The stdout that libraries write to becomes a file, in
    which oneDNN's verbose lines are found."""

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
        """Drop everything printed so far."""
        os.truncate(self._printed.fileno(), 0)
        os.lseek(self._printed.fileno(), 0, os.SEEK_SET)

    def primitives(self):
        """The times of oneDNN's primitives since `forget_printed`."""
        self._printed.seek(0)
        return primitive_times(self._printed)


def primitive_times(lines):
    """Milliseconds by primitive, such as 'convolution forward_training', summed over `lines`.

    With MKLDNN_VERBOSE=1 oneDNN 2.x prints a line for each primitive: dnnl_verbose,exec,ENGINE,
    PRIMITIVE,IMPLEMENTATION,PROPAGATION,TENSORS,ATTRIBUTES,AUXILIARY,PROBLEM,MILLISECONDS. Other
    lines, such as those about a primitive's creation, and a line cut short, do not count.
    """
    times = collections.defaultdict(float)
    for line in lines:
        fields = line.strip().split(',')
        if len(fields) < 8 or fields[:2] not in (['dnnl_verbose', 'exec'],
                                                 ['mkldnn_verbose', 'exec']):
            continue
        name = fields[3] if fields[5] == 'undef' else '%s %s' % (fields[3], fields[5])
        try:
            times[name] += float(fields[-1])
        except ValueError:
            continue
    return dict(times)


def _peak_mib():
    """The largest resident memory of this process, since `_reset_peak`."""
    with open('/proc/self/status') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmHWM:')) / 1024


def _reset_peak():
    with contextlib.suppress(OSError), open('/proc/self/clear_refs', 'w') as f:
        f.write('5')


def main():
    spec = json.loads(sys.argv[1])
    requests = Requests()
    try:
        module, kind = spec.pop('kind').split('.')
        module = importlib.import_module('.variants.' + module, __package__)
        getattr(module, kind)(requests, **spec)
    except Unavailable as error:
        requests.answer(unavailable=str(error))
    except BrokenPipeError:
        pass  # nobody is left to read the answer
    except (OSError, ValueError) as error:  # gluonblocks' own errors have several useful lines
        requests.answer(error=str(error))
    except Exception as error:  # of others, which bring traces, the last line counts
        said = str(error).strip().splitlines() or ['']
        requests.answer(error='%s: %s' % (type(error).__name__, said[-1]))
    finally:
        _end()


def _end():
    """End this process and those that it started, stopped ones too.

    A normal exit would run the clean-up of MXNet, PyTorch and multiprocessing, which takes time
    and hangs if a loader's processes are stopped.
    """
    if os.getpgrp() == os.getpid():  # not if someone started it by hand among other processes
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == '__main__':
    main()
