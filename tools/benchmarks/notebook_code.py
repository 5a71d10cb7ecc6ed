"""The book's code: the notebooks of sections 5.11 to 5.13, and the gluonbook functions they use.

This code must run with MXNet's default thread count, which importing gluonblocks would change.
So this module loads only gluonblocks/_compat.py, which makes MXNet work on new versions of Python
and NumPy.
"""
import ast
import collections
import importlib.util
import itertools
import multiprocessing
import os
import re
import signal
import types

import numpy

from .workers import ROOT

Cell = collections.namedtuple('Cell', 'title code output')
CELLS = os.path.join(ROOT, 'tests', 'cells')
# {model: (section that trains it, position among that section's training runs, counted from 1)}
SECTIONS = {'lenet_bn': ('section_5_11', 1), 'lenet_bn_gluon': ('section_5_11', 2),
            'resnet': ('section_5_12', 1), 'densenet': ('section_5_13', 1)}


def cells(section):
    """Yield the cells of tests/cells/SECTION.txt, in which output lines begin with '#> '."""
    with open(os.path.join(CELLS, section + '.txt')) as f:
        parts = f.read().split('# %% ')[1:]
    for part in parts:
        title, *lines = part.rstrip().split('\n')
        code = [line for line in lines if not line.startswith('#>')]
        output = [line[3:] for line in lines if line.startswith('#>')]
        yield Cell(title, '\n'.join(code), output)


def import_mxnet():
    """Import MXNet with its default settings, patched for new versions of Python and NumPy."""
    spec = importlib.util.spec_from_file_location(
        '_compat', os.path.join(ROOT, 'gluonblocks', '_compat.py'))
    compat = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(compat)
    compat.restore_numpy_names()
    compat.restore_distutils()
    import mxnet
    compat.patch_mxnet()
    return mxnet


class _Trained(Exception):
    """Raised to skip the notebook's cells after the requested training run."""


def run_cells(model, batch_size, folder, fit):
    """Run the notebook cells up to the one that trains `model`; call `fit` instead of training.

    `fit(net, train_iter, test_iter, batch_size, trainer)` receives two `Loader` objects. `folder`
    contains the data set, in files that `arrays` can read.
    """
    mx = import_mxnet()
    section, number = SECTIONS[model]
    nets = []

    def train_ch5(net, train_iter, test_iter, batch_size, trainer, ctx, num_epochs):
        nets.append(net)
        if len(nets) == number:
            fit(net, train_iter, test_iter, batch_size, trainer)
            raise _Trained

    gb = types.SimpleNamespace(
        try_gpu=mx.cpu, train_ch5=train_ch5,
        load_data_fashion_mnist=lambda batch_size, resize=None: load_data(
            folder, batch_size, resize) if len(nets) + 1 == number else (None, None))
    names = {'gb': gb}
    try:
        for cell in cells(section):
            code = cell.code.replace('import gluonbook as gb', '')
            code = re.sub(r'^batch_size = \d+', 'batch_size = %d' % batch_size, code, flags=re.M)
            exec(compile(ast.parse(code), section + ' ' + cell.title, 'exec'), names)
    except _Trained:
        return
    raise ValueError('no cell in %s trains %s' % (section, model))


def arrays(folder, part):
    """Return uint8 images of shape (n, 28, 28) and int32 labels for `part` ('train' or 'test')."""
    return [numpy.load(os.path.join(folder, '%s-%s.npy' % (part, what)))
            for what in ('images', 'labels')]


def load_data(folder, batch_size, resize=None, num_workers=4):
    """Return training and test loaders, as gluonbook's `load_data_fashion_mnist` does."""
    from mxnet import nd
    from mxnet.gluon import data as gdata
    steps = [gdata.vision.transforms.Resize(resize)] if resize else []
    steps = gdata.vision.transforms.Compose(steps + [gdata.vision.transforms.ToTensor()])

    class Images(gdata.Dataset):  # like Gluon's FashionMNIST, which indexes an NDArray
        def __init__(self, part):
            images, self._labels = arrays(folder, part)
            self._images = nd.array(images[..., None], dtype='uint8')  # (n, 28, 28, 1)

        def __getitem__(self, i):
            return self._images[i], self._labels[i]

        def __len__(self):
            return len(self._labels)

    return [Loader(gdata.DataLoader(Images(part).transform_first(steps), batch_size,
                                    shuffle=part == 'train', num_workers=num_workers))
            for part in ('train', 'test')]


class Loader:
    """An endless stream of batches from a DataLoader, whose processes are paused between rounds.

    If they kept running, they would prefetch batches while another variant is measured, which would
    slow that variant down and make the next round look faster.
    """

    def __init__(self, loader):
        self._batches = itertools.chain.from_iterable(itertools.repeat(loader))
        _signal_loaders(signal.SIGSTOP)

    def take(self, n):
        """Yield the next n batches."""
        _signal_loaders(signal.SIGCONT)
        try:
            yield from itertools.islice(self._batches, n)
        finally:
            _signal_loaders(signal.SIGSTOP)


def _signal_loaders(number):
    for process in multiprocessing.active_children():
        os.kill(process.pid, number)
