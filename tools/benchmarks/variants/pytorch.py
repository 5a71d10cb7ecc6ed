"""PyTorch counterparts of gluonblocks' nets, input pipeline and metrics, run in four modes."""
import itertools
import os

from ..notebook_code import arrays
from ..timing import Clock, serve_predictions, serve_rounds
from ..workers import Unavailable

try:
    import torch
    from torch import nn
except ImportError as error:
    raise Unavailable('PyTorch cannot be imported: %s' % error)

from ..torch_nets import NETS  # it imports torch


def train(requests, model, mode, batch_size, lr, resize, threads, folder):
    """Answer requests to time training; `mode` is one of `measure.TORCH_MODES`."""
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    if os.environ.get('ATEN_CPU_CAPABILITY') == 'avx2' and 'compile' in mode:
        torch._inductor.config.cpp.simdlen = 256  # vector width of the compiled code, in bits
    training = _Training(model, mode, batch_size, lr, resize, folder)
    try:
        training.train(2)
        training.evaluate(1)
    except RuntimeError as error:
        if 'compile' not in mode:
            raise
        lines = [line for line in str(error).splitlines() if line.strip()]
        raise Unavailable('torch.compile failed: %s' % (lines or [type(error)])[0])
    training.choose_optimizer()
    requests.answer(version=torch.__version__, optimizer=training.optimizer_kind)
    serve_rounds(requests, training)


def predict(requests, model, resize, threads):
    """Answer requests to time predictions of the uncompiled net."""
    torch.set_num_threads(threads)
    net, side = NETS[model]().eval(), resize or 28
    requests.answer(version=torch.__version__)
    with torch.inference_mode():
        serve_predictions(requests, lambda X: net(torch.from_numpy(X)).numpy(), (1, side, side))


class _Training:
    def __init__(self, model, mode, batch_size, lr, resize, folder):
        self._batch_size, self._resize = batch_size, resize
        self._format = (torch.channels_last if 'channels_last' in mode else
                        torch.contiguous_format)
        self._net = NETS[model]().to(memory_format=self._format)
        self._optimizers = {
            kind: torch.optim.SGD(self._net.parameters(), lr=lr, foreach=kind == 'foreach',
                                  fused=kind == 'fused') for kind in ('fused', 'foreach', 'plain')}
        self.optimizer_kind = 'fused'
        self._call = torch.compile(self._net) if 'compile' in mode else self._net
        self._train, self._test = [self._endless(*map(torch.from_numpy, arrays(folder, part)))
                                   for part in ('train', 'test')]

    def choose_optimizer(self):
        """Select the SGD implementation with the fastest step. Call this after a backward pass."""
        fastest = dict.fromkeys(self._optimizers, float('inf'))
        for _ in range(9):
            for kind, optimizer in self._optimizers.items():
                clock = Clock()
                optimizer.step()
                fastest[kind] = min(fastest[kind], clock.lap())
        self.optimizer_kind = min(fastest, key=lambda kind: fastest[kind])

    def _endless(self, images, labels):
        """Yield full batches endlessly; a shorter batch would trigger a recompilation."""
        size = min(self._batch_size, len(images))
        while True:
            order = torch.randperm(len(images))
            for start in range(0, len(images) - size + 1, size):
                batch = order[start:start + size]
                X = images[batch].unsqueeze(1).float().div_(255)  # (N, 1, H, W)
                if self._resize:
                    X = nn.functional.interpolate(X, size=(self._resize, self._resize),
                                                  mode='bilinear')
                yield X.contiguous(memory_format=self._format), labels[batch].long()

    def train(self, n, parts=None):
        """Train on `n` batches; accumulate the metrics in tensors that are read once at the end.

        If `parts`, a `Parts` object, is given, it records the time of each part of a step.
        """
        self._net.train()
        optimizer = self._optimizers[self.optimizer_kind]
        done = parts.done if parts else lambda part: None
        loss_sum, hits, images = torch.zeros(()), torch.zeros((), dtype=torch.int64), 0
        for X, y in itertools.islice(self._train, n):
            done('batch')
            optimizer.zero_grad(set_to_none=True)
            done('optimizer')
            y_hat = self._call(X)
            done('net')
            head = y_hat.detach().requires_grad_() if parts else y_hat
            loss = nn.functional.cross_entropy(head, y)
            loss.backward()
            done('loss')
            if parts:
                y_hat.backward(head.grad)
                done('net')
            optimizer.step()
            done('optimizer')
            with torch.no_grad():
                loss_sum.add_(loss, alpha=len(y))
                hits.add_((y_hat.argmax(1) == y).sum())
            images += len(y)
            done('metrics')
        loss_sum.item(), hits.item()
        return images

    def collect(self, n):
        """Train on `n` batches, and sum the metrics only at the end, as is common in scripts."""
        self._net.train()
        losses, hits, images = [], [], 0
        for X, y in itertools.islice(self._train, n):
            self._optimizers['fused'].zero_grad(set_to_none=True)
            y_hat = self._call(X)
            loss = nn.functional.cross_entropy(y_hat, y)
            loss.backward()
            self._optimizers['fused'].step()
            losses.append(loss.detach() * len(X))
            hits.append((y_hat.detach().argmax(1) == y).sum())
            images += len(X)
        sum(losses).item(), sum(hits).item()
        return images

    @torch.no_grad()
    def evaluate(self, n):
        self._net.eval()
        hits, images = 0, 0
        for X, y in itertools.islice(self._test, n):
            hits += (self._call(X).argmax(1) == y).sum()
            images += len(X)
        int(hits)
        return images
