"""A run whose workers are processes of their own: started here, and what comes of it."""
import os
import tempfile

from mxnet import init

from ..machines.launch import Hub, python_argv
from ..machines.watch import Limits
from ..models.registry import get_model
from ..training.history import EpochRecord
from ..training.progress import tell
from .config import NAME, for_config
from .folder import check_new
from .logs import Logs
from .sources import KINDS, sources_of
from .tensors import read_tensors
from .weights import set_net_arrays


def train_together(options, asked, starting, folder=None, resume=False):
    """Train by `options` in processes that share each batch; return (net, its `EpochRecord`s).

    `asked` and `folder` are as of a run, `starting` is a dict of the options of STARTING. Raises
    what `Hub.run` does, and ValueError for what the processes could not import.
    """
    if folder and not resume:
        check_new(folder)
    sources = sources_of(options['model'], options['dataset'])
    for kind in KINDS:
        if sources[kind].get('module') == '__main__':
            raise ValueError('the %s %s was registered by this program itself, and the workers are '
                             'processes of their own: put it into a module that they can import'
                             % (kind, options[kind]))
    tell(shares_in_words(options['batch_size'], options['workers']))
    with tempfile.TemporaryDirectory() as own:
        job = {'options': for_config(options), 'asked': list(asked), 'sources': sources,
               'model': options['model'], 'dataset': options['dataset'], 'resume': resume,
               'folder': folder and os.path.abspath(folder),
               'result': os.path.join(own, 'result')}
        Hub(python_argv('gluonblocks.runs.worker'), options['workers'], starting['servers'], job,
            Logs(folder, NAME).show, Limits(starting['start_timeout'],
                                            starting['stall_timeout'])).run()
        arrays, info = read_tensors(job['result'])
    ctx = options['ctx']
    net = get_model(options['model'], num_classes=info['num_classes'])
    if options['dtype'] != 'float32':
        net.cast(options['dtype'])
    net.initialize(ctx=ctx if len(ctx) > 1 else ctx[0], init=init.Xavier())
    net.hybridize(static_alloc=True)
    set_net_arrays(net, arrays)
    return net, [EpochRecord(*row) for row in info['history']]


def shares_in_words(batch_size, num_workers):
    """'256 images a step: 2 workers × 128'."""
    least, most = batch_size // num_workers, -(-batch_size // num_workers)
    return '%d images a step: %d workers × %s' % (
        batch_size, num_workers, least if least == most else '%d or %d' % (least, most))
