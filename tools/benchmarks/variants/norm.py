"""Time LeNet's normalization layers during training steps, using MXNet's profiler."""
import json

import gluonblocks as gb  # first: it sets MXNet's threads

from mxnet import autograd, gluon, init, nd, profiler  # isort: skip

from .parts import configure_profiler


def norm(requests, model, operators, batch_size):
    """Answer a request {"times": n} with the mean seconds per step of `operators` over n steps.

    `operators` are operator names in the graph of `model`. Their backward operators are timed too.
    """
    net, loss = gb.get_model(model), gluon.loss.SoftmaxCrossEntropyLoss()
    net.initialize(init=init.Xavier())
    net.hybridize()
    X = nd.random.uniform(shape=(batch_size, 1, 28, 28))
    y = nd.zeros(batch_size)
    names = {prefix + name for name in operators for prefix in ('', '_backward_')}
    configure_profiler()

    def seconds(steps):
        profiler.dumps(reset=True)
        profiler.set_state('run')
        for _ in range(steps):
            with autograd.record():
                losses = loss(net(X), y)
            losses.backward()
            nd.waitall()
        profiler.set_state('stop')
        profile = json.loads(profiler.dumps(reset=True, format='json'))['Time']
        found = {name: each['Total'] for group in profile.values()
                 for name, each in group.items() if name in names}
        if set(found) != names:
            raise ValueError('expected operators %s in the graph of %s, found %s'
                             % (sorted(names), model, sorted(found)))
        return sum(found.values()) / 1e3 / steps

    seconds(3)
    requests.answer()
    for request in requests:
        requests.answer(seconds=seconds(request['times']))
