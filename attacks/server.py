"""The server: a process that has imported gluonblocks, and forks off a child for each job.

Started with a socket's number and the sandbox's folder. Nothing of MXNet is computed here, only
imported: a fork then finds no thread of it. Jobs come as a line of JSON, and so do the answers.
"""
import faulthandler
import functools
import importlib
import json
import os
import select
import signal
import socket
import sys
import time

from . import system
from .shim import VARIABLE, Shim

SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'scripts')


def warm(folder):
    """Import what commands import, and put small data in the place of the data sets'."""
    from gluonblocks.commands import dispatch
    from gluonblocks.data import datasets, fashion_mnist
    for name in dispatch.COMMANDS:
        importlib.import_module('gluonblocks.commands.' + name)
    synthetic = datasets._datasets['synthetic']
    datasets._datasets['synthetic'] = synthetic._replace(load=functools.partial(
        datasets.load_data_synthetic, num_train=60, num_test=20))
    with open(os.path.join(folder, 'files.json')) as f:
        fashion_mnist.FILES = {name: fashion_mnist.IdxFile(tuple(shape), sha256)
                               for name, (shape, sha256) in json.load(f).items()}
    fashion_mnist.SYSTEM_ROOT = os.path.join(folder, 'no-such-folder')
    for library in ('PIL.Image', 'tensorboardX', 'tqdm'):
        try:
            importlib.import_module(library)
        except ImportError:
            pass
    try:
        draw_once()
    except ImportError:
        pass


def draw_once():
    """Have matplotlib draw one picture, and give the same for every other.

    It takes longer to draw two curves than this net takes to train, and is none of ours.
    """
    import io

    from matplotlib.figure import Figure
    picture = io.BytesIO()
    Figure().savefig(picture, format='png')

    def savefig(figure, target, **how):
        if hasattr(target, 'write'):
            target.write(picture.getvalue())
        else:
            with open(target, 'wb') as f:
                f.write(picture.getvalue())
    Figure.savefig = savefig
    Figure.tight_layout = lambda figure, **how: None


def child(job):
    """Become what a job asks for; does not return."""
    os.setsid()
    for number, path, flags in [(0, os.devnull, os.O_RDONLY), (1, job['base'] + '.out', os.O_RDWR),
                                (2, job['base'] + '.err', os.O_RDWR)]:
        os.dup2(os.open(path, flags | os.O_APPEND), number)
    os.chdir(job['cwd'])
    for name, value in job['env'].items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    shim = Shim(*job['shim']) if job['shim'] else None
    if job['other_user']:
        system.drop_rights()
    system.die_with_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if job['cold'] or job['command']:
        if shim:
            os.environ[VARIABLE] = shim.variable(job['base'] + '.shim')
        else:
            os.environ.pop('LD_PRELOAD', None)
        argv = job['command'] or [sys.executable, '-m', 'gluonblocks'] + job['argv']
        os.execve(argv[0], [os.fsencode(arg) for arg in argv], os.environ)
    faulthandler.register(signal.SIGUSR2, all_threads=False)
    if job['stop_at']:
        stop_after(job['stop_at'])
    sys.argv = ['gluonblocks'] + job['argv']
    if shim:
        shim.arm(job['base'] + '.shim')
    from gluonblocks.commands import dispatch
    sys.exit(dispatch.main(job['argv']))


def stop_after(step):
    """Have training send itself SIGINT after a step."""
    from gluonblocks.runs import train
    from gluonblocks.training.hooks import Hook

    class Stop(Hook):
        def batch_end(self, state):
            if state.step == step:
                os.kill(os.getpid(), signal.SIGINT)
    make_hooks = train.make_hooks
    train.make_hooks = lambda *args: make_hooks(*args) + [Stop()]


class Child:
    """A child at work, watched."""

    def __init__(self, job):
        self.job, self.ended, self.answer = job, '', None
        self.start = time.monotonic()
        self.pid = os.fork()

    def watch(self):
        """Look at it once: has it ended, is it to be ended? Seconds until it wants to be again."""
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        age = time.monotonic() - self.start
        if pid:
            self.kill(signal.SIGKILL)  # what it may have left of its group
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
            self.answer = {'code': code, 'seconds': round(age, 3), 'ended': self.ended,
                           'peak': usage.ru_maxrss * 1024}
            return 0
        if age > self.job['seconds'] or system.memory(self.pid) > self.job['memory']:
            if not self.ended:
                self.ended = 'time' if age > self.job['seconds'] else 'memory'
                try:
                    os.kill(self.pid, signal.SIGUSR2)  # it tells where it is, and ends or not
                    time.sleep(0.2)
                except ProcessLookupError:
                    pass
            self.kill(signal.SIGKILL)
        if self.job['on_output'] and os.stat(self.job['base'] + '.out').st_size:
            self.job.update(on_output=False, kill=[age + self.job['kill'][0], self.job['kill'][1]])
        left = 1
        if self.job['kill'] and not self.job['on_output']:
            left = self.job['kill'][0] - age
            if left <= 0:
                os.kill(self.pid, self.job['kill'][1])
                self.job['kill'] = None
        return max(0.0, min(left, 0.01 if age < 1 else 0.03))

    def kill(self, number):
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def run(jobs, connection):
    """Run all jobs to their end; the answers, in order. Ends this process where nobody listens."""
    waiting = sorted(range(len(jobs)), key=lambda i: jobs[i]['after'])
    children, start = {}, time.monotonic()
    while waiting or any(child.answer is None for child in children.values()):
        pause = 0.01
        while waiting and jobs[waiting[0]]['after'] <= time.monotonic() - start:
            i = waiting.pop(0)
            sys.stdout.flush()
            children[i] = Child(jobs[i])
            if not children[i].pid:
                # Not closed: Python would close the number again, which is another file's then.
                os.dup2(os.open(os.devnull, os.O_RDWR), connection.fileno())
                child(jobs[i])
        for one in children.values():
            if one.answer is None:
                pause = min(pause, one.watch())
        if select.select([connection], [], [], pause)[0] and not connection.recv(
                1, socket.MSG_PEEK):
            for one in children.values():
                if one.answer is None:
                    one.kill(signal.SIGKILL)
            sys.exit(0)
    return [children[i].answer for i in range(len(jobs))]


def main(number, folder):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = socket.socket(fileno=number)
    warm(folder)
    requests = connection.makefile('rw')
    while True:
        line = requests.readline()
        if not line:
            return
        answers = run(json.loads(line), connection)
        requests.write(json.dumps(answers) + '\n')
        requests.flush()


if __name__ == '__main__':
    main(int(sys.argv[1]), sys.argv[2])
