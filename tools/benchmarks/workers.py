"""Processes that hold one variant each and run it when asked, so that variants can take turns."""
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class WorkerError(RuntimeError):
    """A worker failed; the message has its error."""


class Unavailable(Exception):
    """Something a worker needs is not installed or does not work here; the message names it."""


def environment(threads=None, root=ROOT):
    """The environment of a worker, without a number of threads unless `threads` is given.

    The notebook is measured with MXNet's own default, and ours with gluonblocks' choice, so a
    number left over in the user's shell must reach neither. The code is that in the folder `root`.
    """
    env = {name: value for name, value in os.environ.items()
           if name not in ('OMP_NUM_THREADS', 'MXNET_OMP_MAX_THREADS', 'MKLDNN_VERBOSE',
                           'DNNL_VERBOSE')}
    env['PYTHONPATH'] = os.pathsep.join(filter(None, [root, env.get('PYTHONPATH')]))
    if threads:
        env['OMP_NUM_THREADS'] = str(threads)
    return env


class Worker:
    """A process that runs `tools.benchmarks.worker` for `spec`, and answers one request at a time.

    Between requests it waits and takes no processor time. Raises Unavailable if the worker says so
    when it starts, and WorkerError if it fails. Use it in a `with`, or close it.

    `variables` are set in its environment; it runs the code in the folder `root`.
    """

    def __init__(self, spec, threads=None, variables=(), root=ROOT):
        self.spec = spec
        self._stderr = tempfile.TemporaryFile()
        # In a process group of its own: Ctrl-C at the terminal reaches only this process, which
        # then ends the group. If this process is killed, the worker reads the end of its input
        # and ends its group itself.
        self._process = subprocess.Popen(
            [sys.executable, '-m', 'tools.benchmarks.worker', json.dumps(spec)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, text=True,
            env=dict(environment(threads, root), **dict(variables)), cwd=root,
            preexec_fn=os.setpgrp)
        try:
            self.hello = self._answer()
            if 'unavailable' in self.hello:
                raise Unavailable(self.hello['unavailable'])
        except BaseException:
            self.close()
            raise

    def ask(self, **request):
        """Send a request and wait for its answer, a dict."""
        with contextlib.suppress(BrokenPipeError):  # then the missing answer tells why
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
        said = self._stderr.read().decode(errors='replace').strip().splitlines()
        raise WorkerError('%s: %s' % (who, said[-1] if said else
                                      'it ended with exit code %d' % code))

    def close(self):
        """End the process, and those that it started."""
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
