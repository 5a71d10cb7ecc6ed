"""Time the parts of a gluonblocks training step, and the operations in its net."""
import json
import os
import tempfile

from mxnet import autograd, gluon, nd, profiler

from ..timing import Clock, Parts


def configure_profiler():
    """Configure MXNet's profiler to record the total time spent in each operator."""
    # MXNet deletes any file at `filename` (as root, even /dev/null), so use the name of a new file.
    profiler.set_config(profile_imperative=True, profile_symbolic=True, aggregate_stats=True,
                        filename=os.path.join(tempfile.gettempdir(),
                                              'gluonblocks-profile-%d.json' % os.getpid()))


class StepParts(Parts):
    """Time the parts of the training loop's steps, by wrapping the calls that the loop makes.

    The loop gets a detached copy of the net's output, so the loss's backward pass stops at this
    copy, and the net's backward pass runs separately. While the net runs, oneDNN prints how long
    its primitives take, and MXNet's profiler times the C++ operators.
    """

    def __init__(self, requests, net):
        super().__init__(nd.waitall)
        self._requests, self._net, self._forward = requests, net, net.forward
        self._backward, self._step = autograd.backward, gluon.Trainer.step
        net.forward, autograd.backward = self._run_forward, self._run_backward
        gluon.Trainer.step = lambda *args, **kwargs: self._run_step(*args, **kwargs)
        configure_profiler()
        self.reset()

    def reset(self):
        self.seconds, self._primitives = dict.fromkeys(self.seconds, 0.0), {}
        profiler.dumps(reset=True)
        self.start()

    def times(self, steps):
        """Return {"primitives": {name: ms}, "operators": {name: ms}, "update": {"SGD": ms}}.

        "update" is a lower bound on the time that SGD takes for `steps` steps. Like an addition,
        SGD reads two arrays and writes one, so the bound is the time to add as many values as the
        net has parameters, in arrays larger than the caches.
        """
        profile = json.loads(profiler.dumps(reset=True, format='json'))['Time']
        size, X, Y = 1 << 24, nd.ones(1 << 24), nd.ones(1 << 24)
        laps, clock = [], Clock()
        for _ in range(4):  # the first lap includes the creation of the arrays
            nd.elemwise_add(X, Y, out=X).wait_to_read()
            laps.append(clock.lap())
        count = sum(param.data().size for param in self._net.collect_params().values()
                    if param.grad_req != 'null')
        return {'primitives': self._primitives,
                'operators': {name: each['Total'] for group in profile.values()
                              for name, each in group.items() if '_gluonblocks_' in name},
                'update': {'SGD': 1e3 * min(laps) * count / size * steps}}

    def _time_net(self, run):
        self._requests.discard_output()
        profiler.set_state('run')
        self.start()
        result = run()
        self.done('net')
        profiler.set_state('stop')
        for name, ms in self._requests.primitives().items():
            self._primitives[name] = self._primitives.get(name, 0) + ms
        return result

    def _run_forward(self, X, *args):
        if not autograd.is_recording():
            return self._forward(X, *args)
        self.done('batch')
        Y = self._time_net(lambda: self._forward(X, *args))
        cut = Y.detach()
        cut.attach_grad()
        self._cut = Y, cut
        self.start()
        return cut

    def _run_backward(self, *args, **kwargs):
        self._backward(*args, **kwargs)
        self.done('loss')
        Y, cut = self._cut
        self._time_net(lambda: Y.backward(cut.grad))
        self.start()

    def _run_step(self, *args, **kwargs):
        self._step(*args, **kwargs)
        self.done('optimizer')
