"""The same nets, input path and metrics in PyTorch, in four modes."""
import itertools

from ..notebook_code import arrays
from ..timing import serve_predictions, serve_rounds
from ..workers import Unavailable

try:
    import torch
    from torch import nn
except ImportError as error:
    raise Unavailable('PyTorch is not installed (%s)' % error)

from ..torch_nets import NETS  # which imports torch


def train(requests, model, mode, batch_size, lr, resize, threads, folder):
    """Serve rounds; `mode` is one of `measure.TORCH_MODES`."""
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    training = _Training(model, mode, batch_size, lr, resize, folder)
    try:
        training.train(2)
        training.core(1)
        training.evaluate(1)
    except RuntimeError as error:
        if 'compile' not in mode:
            raise
        said = [line for line in str(error).splitlines() if line.strip()]
        raise Unavailable('torch.compile does not work here (%s)' % (said or [type(error)])[0])
    requests.answer(version=torch.__version__)
    serve_rounds(requests, training)


def predict(requests, model, resize, threads):
    """Serve predictions."""
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
        self._optimizer = torch.optim.SGD(self._net.parameters(), lr=lr, fused=True)
        self._call = torch.compile(self._net) if 'compile' in mode else self._net
        self._train, self._test = [self._endless(*map(torch.from_numpy, arrays(folder, part)))
                                   for part in ('train', 'test')]
        self._fixed = next(self._train)[0]

    def _endless(self, images, labels):
        """Full batches only: a shorter one would be compiled again."""
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

    def train(self, n):
        self._net.train()
        losses, hits, images = [], [], 0
        for X, y in itertools.islice(self._train, n):
            self._optimizer.zero_grad(set_to_none=True)
            y_hat = self._call(X)
            loss = nn.functional.cross_entropy(y_hat, y)
            loss.backward()
            self._optimizer.step()
            losses.append(loss.detach() * len(X))
            hits.append((y_hat.detach().argmax(1) == y).sum())
            images += len(X)
        sum(losses).item(), sum(hits).item()
        return images

    def core(self, n):
        self._net.train()
        dY = None
        for _ in range(n):
            self._optimizer.zero_grad(set_to_none=True)
            Y = self._call(self._fixed)
            dY = torch.ones_like(Y) / Y.numel() if dY is None else dY
            Y.backward(dY)
        return n * len(self._fixed)

    @torch.no_grad()
    def evaluate(self, n):
        self._net.eval()
        hits, images = 0, 0
        for X, y in itertools.islice(self._test, n):
            hits += (self._call(X).argmax(1) == y).sum()
            images += len(X)
        int(hits)
        return images
