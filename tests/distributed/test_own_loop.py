"""A loop of a user's own in several processes: its weights."""
import os
import re

import importable
import mxnet as mx
import numpy as np
import pytest
from conftest import REPOSITORY
from mxnet import autograd, gluon, init

from gluonblocks.data.batches import make_loaders
from gluonblocks.distributed import Limits, launch

LOOP = """
import sys
import gluonblocks as gb
import importable
import mxnet as mx
from gluonblocks.data.batches import make_loaders
from gluonblocks.distributed import ProcessGroup

group = ProcessGroup()
mx.random.seed(5)
train_iter, test_iter = make_loaders(importable.load(), 12, seed=5, part=group.shard)
net = importable.plain(3)
net.initialize(mx.init.Xavier())
trainer = group.trainer(net.collect_params(), 'sgd', {'learning_rate': 0.5})
group.join()
gb.train_ch5(net, train_iter, test_iter, 12, trainer, mx.cpu(), 2, workers=group)
if group.rank == 0:
    net.save_parameters(sys.argv[1])
group.end()
"""


def one_process(num_ranks):
    """The net and the last epoch's loss of one process that adds the gradients of all shards."""
    mx.random.seed(5)
    net = importable.plain(3)
    net.initialize(init.Xavier())
    loaders = [make_loaders(importable.load(), 12, seed=5, part=(k, num_ranks))[0]
               for k in range(num_ranks)]
    net(next(iter(make_loaders(importable.load(), 12, seed=5)[0]))[0])
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.5})
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    net.collect_params().setattr('grad_req', 'add')
    for _ in range(2):
        total = 0.0
        for shards in zip(*loaders):
            net.collect_params().zero_grad()
            for X, y in shards:
                if X is None:  # one of them, in the last step
                    continue
                with autograd.record():
                    l = loss(net(X), y)
                l.backward()
                total += l.sum().asscalar()
            trainer.step(12)
    return net, total / 61


def test_without_batch_norm_ranks_equal_one_process(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([
        REPOSITORY, os.path.dirname(importable.__file__)]))
    (tmp_path / 'loop.py').write_text(LOOP)
    launch([str(tmp_path / name) for name in ('loop.py', 'params')], 2, limits=Limits(start=300))
    net, loss = one_process(2)
    found = importable.plain(3)
    found.load_parameters(str(tmp_path / 'params'))
    for one, other in zip(net.collect_params().values(), found.collect_params().values()):
        np.testing.assert_allclose(one.data().asnumpy(), other.data().asnumpy(), rtol=1e-4,
                                   atol=1e-6)
    printed = re.findall('^epoch 2, loss (.*?),', capfd.readouterr().out, re.M)
    assert float(printed[0]) == pytest.approx(loss, abs=6e-5)
