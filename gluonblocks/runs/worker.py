"""One of several workers of a run: what each process does that `train_together` starts."""
import traceback

from ..devices import devices_of
from ..distributed.workers import Workers
from ..training.interrupt import Interrupted
from .folder import RunFolder
from .follower import Follower
from .resolve import check_options
from .sources import recall
from .tensors import encode_tensors
from .train import train_by
from .weights import net_arrays


def main():
    """Train as one of several; tell the launcher how it ended, and end this process."""
    workers = Workers()
    try:
        net, history = _train(workers)
        if workers.number == 0:
            with open(workers.job['result'], 'wb') as f:
                f.write(encode_tensors(net_arrays(net), {
                    'history': history, 'num_classes': workers.facts['num_classes']}))
    except Interrupted as stop:
        workers.end('stopped', text=str(stop))
    except (ArithmeticError, ImportError, OSError, ValueError, MemoryError) as error:
        workers.end('failed', code=1, text=str(error) or type(error).__name__)
    except BaseException:  # one of MXNet's, or a mistake of ours or a user's
        workers.end('failed', code=1, text=traceback.format_exc().strip())
    workers.end()


def _train(workers):
    job = workers.job
    recall('this run', job)
    workers.merge_norms = job['options']['merge_norms']
    options = dict(job['options'], ctx=devices_of(job['options']['ctx']))
    if job['data_root'] is not None:  # of this machine
        options['data_root'] = job['data_root']
    options = check_options(options)
    folder = job['folder']
    if folder is None:
        return train_by(options, workers=workers)
    if workers.rank:
        return train_by(options, Follower(), job['asked'], workers)
    with RunFolder.open(folder) if job['resume'] else RunFolder.new(folder) as run:
        return train_by(options, run, job['asked'], workers)

