"""Train with several worker processes: start them and collect their result."""
import dataclasses
import os
import sys
import tempfile

from .. import __version__
from ..distributed.heartbeat import Limits
from ..distributed.launcher import Launcher
from ..distributed.processes import python_argv
from ..distributed.relay import Relay
from ..training.loop import EpochRecord
from ..training.progress import tell
from .config import NAME
from .load import build_net
from .provenance import sources_of
from .weights import read_tensors

WORKER = 'gluonblocks.runs.process'
LOGS = 'logs'


def train_together(options, placement, given, folder=None, asked=(), before=None):
    """Train in processes that split each batch; return (net, list of `EpochRecord` objects).

    `placement` says where the processes run. `given` is a dict of the options of this call, which
    must match on all machines. The other arguments are those of `train_by`. Raises the errors of
    `Launcher.run`.
    """
    least, rest = divmod(options.batch_size, options.workers)
    tell('%d images per step: %d workers × %s' % (
        options.batch_size, options.workers, '%d or %d' % (least, least + 1) if rest else least))
    with tempfile.TemporaryDirectory() as own:
        job = dict(_local(own), options=dataclasses.asdict(options), asked=list(asked),
                   sources=sources_of(options.model, options.dataset), before=before,
                   folder=folder and os.path.abspath(folder))
        Launcher(python_argv(WORKER), options.workers, job, Logs(folder).show,
                 Limits(placement.start_timeout, placement.stall_timeout), placement.place,
                 same_everywhere(given, before is not None)).run()
        return _result(job)


def follow_first(placement, given, resume=False):
    """Train as `train_together` does on a machine other than the first, which sends the job."""
    with tempfile.TemporaryDirectory() as own:
        relay = Relay(python_argv(WORKER), placement.place, same_everywhere(given, resume),
                      _local(own, given.get('data_root')),
                      Limits(placement.start_timeout, placement.stall_timeout))
        relay.run()
        return _result(relay.job)


def same_everywhere(given, resume):
    """Return a dict for JSON of the options in `given` that must match on all machines."""
    same = {name: value for name, value in given.items() if name not in ('data_root', 'ctx')}
    return dict(same, resume=resume, gluonblocks=__version__)


class Logs:
    """Forward the lines that worker processes print.

    Lines of rank 0 go to stdout and stderr of this process. Other lines go to logs/ in `folder`
    once config.json exists, or are dropped if there is no folder.
    """

    def __init__(self, folder):
        self._folder, self._waiting = folder, []

    def show(self, rank, stream, text):
        """Forward a line that the process `rank` printed to `stream`."""
        if rank == 0:
            print(text, file=getattr(sys, stream), flush=True)
        elif self._folder:
            self._waiting.append((rank, text))
            if os.path.exists(os.path.join(self._folder, NAME)):
                self._write()

    def _write(self):
        folder = os.path.join(self._folder, LOGS)
        os.makedirs(folder, exist_ok=True)
        for rank, text in self._waiting:
            with open(os.path.join(folder, 'rank%d.log' % rank), 'a', encoding='utf-8',
                      errors='surrogateescape') as f:
                f.write(text + '\n')
        self._waiting = []


def _local(folder, data_root=None):
    """Return the part of a job that differs between machines: paths of the result and the data."""
    return {'result': os.path.join(folder, 'result'), 'data_root': data_root}


def _result(job):
    """Return (net, list of `EpochRecord` objects) as saved by the first worker on this machine."""
    arrays, info = read_tensors(job['result'])
    options = job['options']
    net = build_net(options['model'], arrays, info['num_classes'], options['ctx'],
                    options['dtype'])
    return net, [EpochRecord(*row) for row in info['history']]
