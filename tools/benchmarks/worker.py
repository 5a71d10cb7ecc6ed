"""A worker process, which reads requests from stdin and writes answers to stdout.

    python -m tools.benchmarks.worker SPEC

SPEC, requests and answers are JSON. SPEC contains "kind", the name of a function in `variants`,
such as "ours.train", and the function's arguments. The worker sends its first answer when it is
ready, or {"unavailable": reason} if a library is missing. Any answer may be {"error": message}
instead, and every answer contains "peak_mib". Training requests, such as {"warm": 1, "train": 20},
are described in `timing.serve_rounds`.
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
    """Read requests and write answers. Output that libraries print is redirected to a file."""

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

    def discard_output(self):
        """Discard all output so far."""
        os.truncate(self._printed.fileno(), 0)
        os.lseek(self._printed.fileno(), 0, os.SEEK_SET)

    def primitives(self):
        """Return {oneDNN primitive: total time in ms} since the last `discard_output`."""
        self._printed.seek(0)
        return primitive_times(self._printed)


def primitive_times(lines):
    """Return {primitive: total time in ms}; a key is, for example, 'convolution forward_training'.

    With MKLDNN_VERBOSE=1, oneDNN 2.x prints a line for each primitive: dnnl_verbose,exec,ENGINE,
    PRIMITIVE,IMPLEMENTATION,PROPAGATION,TENSORS,ATTRIBUTES,AUXILIARY,PROBLEM,MILLISECONDS. Other
    lines and truncated lines are skipped.
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
    """Return the peak resident memory of this process since the last `_reset_peak`, in MiB."""
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
        pass  # the benchmark has exited
    except (OSError, ValueError) as error:  # raised by gluonblocks: every line is useful
        requests.answer(error=str(error))
    except Exception as error:  # MXNet adds a stack trace above its message
        lines = str(error).strip().splitlines() or ['']
        requests.answer(error='%s: %s' % (type(error).__name__, lines[-1]))
    finally:
        _end()


def _end():
    """Kill this process and its child processes.

    A normal exit would run the clean-up code of MXNet, PyTorch and multiprocessing, which is slow,
    and hangs if the processes of a data loader are paused.
    """
    if os.getpgrp() == os.getpid():  # False if a user started this worker in a shell
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == '__main__':
    main()
