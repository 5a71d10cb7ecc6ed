"""A run whose workers are processes of their own: started here, and what comes of it."""
import os
import tempfile

from mxnet import init

from .. import __version__
from ..devices import devices_of
from ..distributed.launcher import Hub, python_argv
from ..distributed.nodes import NodesHub
from ..distributed.relay import Relay
from ..distributed.watch import Limits
from ..models.registry import get_model
from ..training.loop import EpochRecord
from ..training.progress import tell
from .config import NAME, for_config
from .folder import check_new
from .logs import Logs
from .sources import KINDS, sources_of
from .tensors import read_tensors
from .weights import set_net_arrays

WORKER = 'gluonblocks.runs.worker'


def train_together(options, asked, starting, named, folder=None, resume=False):
    """Train by `options` in processes that share each batch; return (net, its `EpochRecord`s).

    `asked` and `folder` are as of a run, `starting` is as by `starting_options`, and `named`, a
    dict, has what was asked in this call, which on all machines has to be the same. Raises what
    `Hub.run` does, and ValueError for what the processes could not import.
    """
    place = starting['place']
    if folder and not resume:
        check_new(folder)
    sources = _sources(options)
    tell(shares_in_words(options['batch_size'], options['workers']))
    with tempfile.TemporaryDirectory() as own:
        job = dict(_local(own), options=for_config(options), asked=list(asked), sources=sources,
                   model=options['model'], dataset=options['dataset'], resume=resume,
                   folder=folder and os.path.abspath(folder))
        how = (python_argv(WORKER), options['workers'], starting['servers'], job,
               Logs(folder, NAME).show, _limits(starting))
        hub = Hub(*how) if place.nodes == 1 else NodesHub(*how, place, _same(named, resume))
        hub.run()
        return _result(job)


def follow_first(starting, named, resume=False):
    """On a machine that is not the first: train as the first one says, as `train_together`."""
    with tempfile.TemporaryDirectory() as own:
        relay = Relay(python_argv(WORKER), starting['place'], _same(named, resume),
                      _local(own, named.get('data_root')), _limits(starting))
        relay.run()
        return _result(relay.job)


def _local(own, data_root=None):
    """What of a job is of one machine: where its result goes, and where its data are."""
    return {'result': os.path.join(own, 'result'), 'data_root': data_root}


def _same(named, resume):
    """Of what was asked on a machine, that which has to be the same on all, for JSON."""
    same = {name: value for name, value in for_config(named).items()
            if name not in ('data_root', 'ctx')}
    return dict(same, resume=resume, gluonblocks=__version__)


def _limits(starting):
    return Limits(starting['start_timeout'], starting['stall_timeout'])


def _sources(options):
    """`sources_of` the model and the data set; ValueError for what other processes lack."""
    sources = sources_of(options['model'], options['dataset'])
    for kind in KINDS:
        if sources[kind].get('module') == '__main__':
            raise ValueError('the %s %s was registered by this program itself, and the workers are '
                             'processes of their own: put it into a module that they can import'
                             % (kind, options[kind]))
    return sources


def _result(job):
    """(net, `EpochRecord`s), as the first worker of this machine left them."""
    arrays, info = read_tensors(job['result'])
    options = job['options']
    devices = devices_of(options['ctx'])
    net = get_model(options['model'], num_classes=info['num_classes'])
    if options['dtype'] != 'float32':
        net.cast(options['dtype'])
    net.initialize(ctx=devices, init=init.Xavier())
    net.hybridize(static_alloc=True)
    set_net_arrays(net, arrays)
    return net, [EpochRecord(*row) for row in info['history']]


def shares_in_words(batch_size, num_workers):
    """'256 images a step: 2 workers × 128'."""
    least, most = batch_size // num_workers, -(-batch_size // num_workers)
    return '%d images a step: %d workers × %s' % (
        batch_size, num_workers, least if least == most else '%d or %d' % (least, most))
