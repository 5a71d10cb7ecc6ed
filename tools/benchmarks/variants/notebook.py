"""The code of the book's notebooks, with gluonbook's `train_ch5`, which reads each batch's loss."""
from ..notebook_code import run_cells
from ..timing import serve_rounds


def train(requests, model, batch_size, folder):
    """Run the notebook up to where it trains `model`, then answer requests to time the training."""
    def fit(*args):
        training = _Training(*args)
        requests.answer()
        serve_rounds(requests, training)
    run_cells(model, batch_size, folder, fit)


class _Training:
    def __init__(self, net, train_iter, test_iter, batch_size, trainer):
        from mxnet import gluon, nd
        self._net, self._trainer, self._batch_size = net, trainer, batch_size
        self._train, self._test, self.wait = train_iter, test_iter, nd.waitall
        self._loss = gluon.loss.SoftmaxCrossEntropyLoss()

    def train(self, num_batches):
        from mxnet import autograd
        net, loss = self._net, self._loss
        loss_sum = hits = n = 0
        for X, y in self._train.take(num_batches):
            with autograd.record():
                y_hat = net(X)
                l = loss(y_hat, y).sum()
            l.backward()
            self._trainer.step(self._batch_size)
            y = y.astype('float32')
            loss_sum += l.asscalar()
            hits += (y_hat.argmax(axis=1) == y).sum().asscalar()
            n += y.size
        self.wait()
        return n

    def evaluate(self, num_batches):
        from mxnet import nd
        hits, n = nd.array([0]), 0
        for X, y in self._test.take(num_batches):
            hits += (self._net(X).argmax(axis=1) == y.astype('float32')).sum()
            n += y.size
            hits.wait_to_read()
        return n
