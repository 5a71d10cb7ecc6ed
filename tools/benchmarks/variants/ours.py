"""gluonblocks, trained by `gluonblocks.train_model` as scripts/train.py does, and predicting."""
import json
import os
import platform

import numpy as np

import gluonblocks as gb  # first: it sets MXNet's threads
from gluonblocks.data.batches import BatchLoader
from gluonblocks.data.datasets import get_dataset
from gluonblocks.graphs import Net, passes
from gluonblocks.graphs.kernels import build

import mxnet as mx  # isort: skip
from mxnet import autograd, gluon, nd, profiler  # isort: skip

from ..timing import Clock, Parts, serve_predictions

if os.environ.get('GLUONBLOCKS_BENCHMARK_MARCH'):  # as other engines are limited: `machine.LIMITS`
    build.FLAGS = tuple(flag.replace('native', os.environ['GLUONBLOCKS_BENCHMARK_MARCH'])
                        for flag in build.FLAGS)


def probe(requests, dataset, data_root, folder):
    """Write the data set's arrays into `folder`, for variants that do not read it themselves."""
    loaders = get_dataset(dataset).load_from(data_root, 256, seed=0)
    for part, loader in zip(('train', 'test'), loaders):
        np.save(os.path.join(folder, part + '-images.npy'), loader.images)
        np.save(os.path.join(folder, part + '-labels.npy'), loader.labels)
    names = gb.list_models()
    requests.answer(
        threads=int(os.environ['OMP_NUM_THREADS']),
        num_train=len(loaders[0].images), num_test=len(loaders[1].images),
        resize={name: gb.get_recipe(name).resize for name in names},
        lr={name: gb.get_recipe(name).lr for name in names},
        versions={'Python': platform.python_version(), 'NumPy': np.__version__,
                  'MXNet': mx.__version__, 'gluonblocks': gb.__version__})


def train(requests, model, batch_size, dataset, data_root, without=None, parts=False, **options):
    """Serve rounds from within `gb.train_model`, which gets `options`.

    To the training loop a round is an epoch: the data set gives as many batches as the request asks
    for, to train on and then to evaluate. `without` is the name of a pass that is left out. With
    `parts` the answers have the parts of the steps instead of undisturbed times: see `_StepParts`.
    """
    leave_out(without)
    rounds = _Rounds(requests)

    def benchmark_net(**kwargs):
        net = gb.get_model(model, **kwargs)
        rounds.parts = _StepParts(requests, net) if parts else None
        return net

    def benchmark_data(batch_size, resize=None, seed=None):
        train, test = get_dataset(dataset).load_from(data_root, batch_size, resize=resize,
                                                     seed=seed)
        return (_Asked(train, lambda: rounds.training(train)),
                _Asked(test, lambda: rounds.evaluating(test)))

    gb.register(**gb.get_recipe(model)._asdict())(benchmark_net)
    gb.register_dataset('benchmark', benchmark_data, [str(i) for i in range(10)])
    try:
        gb.train_model('benchmark_net', epochs=10 ** 9, batch_size=batch_size, seed=0,
                       dataset='benchmark', ctx='cpu', **options)
    except EOFError:  # no more requests
        pass


class _Rounds:
    """The batches that the training loop gets, and the times at which it asks for them."""

    parts = None

    def __init__(self, requests):
        self._requests, self._asked, self._clock = requests, iter(requests), Clock()
        self._answer, self._request, self._endless = None, None, {}

    def training(self, loader):
        if self._answer is None:
            self._requests.answer()
        else:  # the loop has read the last batch's values, and the epoch is over
            self._answer['evaluate'] = [self._clock.lap(), self._images]
            self._requests.answer(**self._answer)
        self._request = next(self._asked, None)
        if self._request is None:
            raise EOFError
        self._answer = {}
        yield from self._count(loader, self._request.get('warm', 0))
        nd.waitall()
        if self.parts:
            self.parts.reset()
        self._clock.lap()
        for X, y in self._count(loader, self._request['train']):
            yield X, y
            if self.parts:
                self.parts.done('metrics')

    def evaluating(self, loader):
        # The loop comes here when it has read the sums of the loss and of correct predictions; the
        # last batch's gradients and its step may still be computed.
        nd.waitall()
        self._answer['train'] = [self._clock.lap(), self._images]
        self._answer['cpu'] = [self._clock.cpu, self._images]
        if self.parts:
            self._answer.update(self.parts.found(self._request['train']),
                                parts=[self.parts.seconds, self._images])
        self._clock.lap()
        yield from self._count(loader, self._request['evaluate'])

    def _count(self, loader, n):
        self._images = 0
        batches = self._endless.setdefault(loader, _endless(loader))
        for _ in range(n):
            X, y = next(batches)
            self._images += X.shape[0]
            yield X, y


class _StepParts(Parts):
    """The parts of the training loop's own steps, divided at the calls that it makes.

    The loop gets the net's output without its history; once it has the gradient of the loss, that
    of the net follows. What the net executes is counted in the very steps whose parts are timed:
    oneDNN's primitives, by its verbose lines, and our operators, by MXNet's profiler.
    """

    def __init__(self, requests, net):
        super().__init__(nd.waitall)
        self._requests, self._net, self._forward = requests, net, net.forward
        self._backward, self._step = autograd.backward, gluon.Trainer.step
        net.forward, autograd.backward = self._run_forward, self._run_backward
        gluon.Trainer.step = lambda *args, **kwargs: self._run_step(*args, **kwargs)
        profiler.set_config(profile_imperative=True, profile_symbolic=True, aggregate_stats=True,
                            filename=os.devnull)
        self.reset()

    def reset(self):
        self.seconds, self._primitives = dict.fromkeys(self.seconds, 0.0), {}
        profiler.dumps(reset=True)
        self.start()

    def found(self, steps):
        """{"primitives": {name: ms}, "operators": {name: ms}, "update": {"SGD": ms}} of `steps`.

        The last is the least time of SGD, which reads weights and gradients and writes weights:
        that of an addition of as many numbers, in arrays that no cache holds.
        """
        times = json.loads(profiler.dumps(reset=True, format='json'))['Time']
        size, X, Y = 1 << 24, nd.ones(1 << 24), nd.ones(1 << 24)
        laps, clock = [], Clock()
        for _ in range(4):  # the first one also waits for the arrays
            nd.elemwise_add(X, Y, out=X).wait_to_read()
            laps.append(clock.lap())
        count = sum(param.data().size for param in self._net.collect_params().values()
                    if param.grad_req != 'null')
        return {'primitives': self._primitives,
                'operators': {name: each['Total'] for of in times.values()
                              for name, each in of.items() if '_gluonblocks_' in name},
                'update': {'SGD': 1e3 * min(laps) * count / size * steps}}

    def _in_the_net(self, run):
        self._requests.forget_printed()
        profiler.set_state('run')
        self.start()
        found = run()
        self.done('net')
        profiler.set_state('stop')
        for name, ms in self._requests.primitives().items():
            self._primitives[name] = self._primitives.get(name, 0) + ms
        return found

    def _run_forward(self, X, *args):
        if not autograd.is_recording():
            return self._forward(X, *args)
        self.done('batch')
        Y = self._in_the_net(lambda: self._forward(X, *args))
        cut = Y.detach()
        cut.attach_grad()
        self._cut = Y, cut
        self.start()
        return cut

    def _run_backward(self, *args, **kwargs):
        self._backward(*args, **kwargs)
        self.done('loss')
        Y, cut = self._cut
        self._in_the_net(lambda: Y.backward(cut.grad))
        self.start()

    def _run_step(self, *args, **kwargs):
        self._step(*args, **kwargs)
        self.done('optimizer')


class _Asked(BatchLoader):
    """A copy of `loader`, except for the batches."""

    def __init__(self, loader, batches):
        vars(self).update(vars(loader), asked=batches)

    def __iter__(self):
        return self.asked()


def predict(requests, model, without=None):
    """Serve predictions by the hybridized net."""
    leave_out(without)
    net, shape = _ready(gb.get_model(model), model)
    requests.answer()
    serve_predictions(requests, lambda X: net(nd.array(X)).asnumpy(), shape)


def empty(requests, model):
    """Serve predictions by a graph of as many nodes as the model's, which compute one number."""
    net, shape = _ready(gb.get_model(model), model)
    graph = json.loads(net.graph_for((1, *shape), training=False).tojson())
    nodes = sum(node['op'] != 'null' for node in graph['nodes'])

    class Empty(gluon.HybridBlock):
        def hybrid_forward(self, F, X):
            X = F.slice(X, begin=(0, 0, 0, 0), end=(1, 1, 1, 1))
            for _ in range(nodes - 1):
                X = X * 1.5
            return X
    chain = Net()
    chain.add(Empty())
    _ready(chain, model)
    requests.answer(nodes=nodes)
    serve_predictions(requests, lambda X: chain(nd.array(X)).asnumpy(), shape)


def _ready(net, model):
    """(net, the shape of an image), after a first prediction."""
    shape = (1,) + 2 * (gb.get_recipe(model).resize or 28,)
    net.initialize(init=mx.init.Xavier())
    net.hybridize(static_alloc=True)
    net(nd.zeros((1, *shape)))
    return net, shape


def leave_out(name):
    """Remove the pass of that name, if any, from the passes over every graph."""
    for listed in (passes.TRAINING, passes.PREDICTION):
        listed[:] = [each for each in listed if each.__name__ != name]


def _endless(loader):
    while True:
        yield from loader
