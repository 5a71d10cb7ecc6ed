"""Worker processes, one per variant, that measure only on request, so variants can take turns."""
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class WorkerError(RuntimeError):
    """Raised if a worker fails."""


class Unavailable(Exception):
    """Raised if a library that a worker needs is missing or broken; the message names it."""


def environment(threads=None, root=ROOT):
    """Return the environment variables of a worker that imports the code in `root`.

    Without `threads`, OMP_NUM_THREADS is unset, so gluonblocks and the notebook use their defaults.
    """
    env = {name: value for name, value in os.environ.items()
           if name not in ('OMP_NUM_THREADS', 'MXNET_OMP_MAX_THREADS', 'MKLDNN_VERBOSE',
                           'DNNL_VERBOSE')}
    env['PYTHONPATH'] = os.pathsep.join(filter(None, [root, env.get('PYTHONPATH')]))
    if threads:
        env['OMP_NUM_THREADS'] = str(threads)
    return env


class Worker:
    """A context manager for a process that runs `tools.benchmarks.worker` with `spec`.

    The process runs the code in the folder `root`, with `variables` added to the environment, and
    is idle between requests. Raises WorkerError if the worker fails, and Unavailable if a library
    is missing.
    """

    def __init__(self, spec, threads=None, variables=(), root=ROOT):
        self.spec = spec
        self._stderr = tempfile.TemporaryFile()
        # The worker has its own process group, so it does not receive Ctrl-C from the terminal, and
        # `close` can kill the whole group. If this process is killed, the worker reaches the end of
        # its stdin, and kills the group itself.
        self._process = subprocess.Popen(
            [sys.executable, '-m', 'tools.benchmarks.worker', json.dumps(spec)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, text=True,
            env=dict(environment(threads, root), **dict(variables)), cwd=root,
            preexec_fn=os.setpgrp)
        try:
            self.first_answer = self._answer()
            if 'unavailable' in self.first_answer:
                raise Unavailable(self.first_answer['unavailable'])
        except BaseException:
            self.close()
            raise

    def ask(self, **request):
        """Send a request to the worker; return its answer, a dict."""
        with contextlib.suppress(BrokenPipeError):  # `_answer` reports the reason
            self._process.stdin.write(json.dumps(request) + '\n')
            self._process.stdin.flush()
        return self._answer()

    def _answer(self):
        who = ' '.join(self.spec[key] for key in ('kind', 'mode', 'model') if self.spec.get(key))
        line = self._process.stdout.readline()
        if line.endswith('\n'):
            answer = json.loads(line)
            if 'error' in answer:
                raise WorkerError('%s: %s' % (who, answer['error']))
            return answer
        code = self._process.wait()
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors='replace').strip().splitlines()
        raise WorkerError('%s: %s' % (who, lines[-1] if lines else
                                      'the worker exited with code %d' % code))

    def close(self):
        """Kill the process and its child processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
