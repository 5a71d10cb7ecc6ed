"""Train with several worker processes: launch them, and collect the result."""
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


def train_in_workers(options, placement, chosen, folder=None, chosen_names=(), before=None):
    """Train in processes that split each batch; return (net, list of `EpochRecord` objects).

    `placement` says where the processes run. `chosen` is a dict of the options that the user set in
    this call; except for data_root and ctx, they must match on all machines. The other arguments
    are the same as for `run_training`. Raises the same errors as `Launcher.run`.
    """
    least, rest = divmod(options.batch_size, options.workers)
    tell('%d images per step: %d workers × %s' % (
        options.batch_size, options.workers, '%d or %d' % (least, least + 1) if rest else least))
    with tempfile.TemporaryDirectory() as own:
        job = dict(_local(own), options=dataclasses.asdict(options), before=before,
                   chosen_names=list(chosen_names),
                   sources=sources_of(options.model, options.dataset),
                   folder=folder and os.path.abspath(folder))
        Launcher(python_argv(WORKER), options.workers, job, Logs(folder).show,
                 Limits(placement.start_timeout, placement.stall_timeout), placement.topology,
                 same_everywhere(chosen, before is not None)).run()
        return _result(job)


def join_first_machine(placement, chosen, resume=False):
    """Train on a machine other than the first; return the same values as `train_in_workers`.

    The workers on this machine receive their job from the first machine.
    """
    with tempfile.TemporaryDirectory() as own:
        relay = Relay(python_argv(WORKER), placement.topology, same_everywhere(chosen, resume),
                      _local(own, chosen.get('data_root')),
                      Limits(placement.start_timeout, placement.stall_timeout))
        relay.run()
        return _result(relay.job)


def same_everywhere(chosen, resume):
    """Return the options in `chosen` that must match on all machines, as a JSON-compatible dict."""
    same = {name: value for name, value in chosen.items() if name not in ('data_root', 'ctx')}
    return dict(same, resume=resume, gluonblocks=__version__)


class Logs:
    """Forward the lines that worker processes print.

    The output of rank 0 goes to the stdout and stderr of this process. The output of other ranks is
    written to logs/ in the run folder, once that folder contains config.json. If the run is not
    saved in a folder, the output of other ranks is dropped.
    """

    def __init__(self, folder):
        self._folder, self._waiting = folder, []

    def show(self, rank, stream, text):
        """Forward `text`, a line that the worker `rank` printed to `stream`."""
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
    """Return the job entries that differ between machines: the paths `result` and `data_root`."""
    return {'result': os.path.join(folder, 'result'), 'data_root': data_root}


def _result(job):
    """Return (net, list of `EpochRecord` objects), the result of this machine's first worker."""
    arrays, info = read_tensors(job['result'])
    options = job['options']
    net = build_net(options['model'], arrays, info['num_classes'], options['ctx'],
                    options['dtype'])
    return net, [EpochRecord(*row) for row in info['history']]
