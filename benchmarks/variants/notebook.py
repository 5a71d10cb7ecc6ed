"""The notebook's own code, in the loop of gluonbook's `train_ch5`, which reads every batch."""
from ..notebook_code import run_training
from ..timing import Clock, core


def notebook(requests, model, batch_size, folder):
    """Serve rounds from within the notebook's cells, with MXNet's default threads."""
    def fit(*args):
        _fit(requests, *args)
    run_training(model, batch_size, folder, fit)


def _fit(requests, net, train_iter, test_iter, batch_size, trainer):
    from mxnet import autograd, gluon, nd
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    fixed = next(iter(train_iter.take(1)))[0]
    requests.answer()
    for request in requests:
        core(net, fixed, request['warm'])
        answer, clock = {}, Clock()
        core(net, fixed, request['core'])
        answer['core'] = [clock.lap(), 2 * request['core'] * len(fixed)]
        loss_sum = hits = n = 0
        batches = train_iter.take(request['train'])
        clock.lap()
        for X, y in batches:
            with autograd.record():
                y_hat = net(X)
                l = loss(y_hat, y).sum()
            l.backward()
            trainer.step(batch_size)
            y = y.astype('float32')
            loss_sum += l.asscalar()
            hits += (y_hat.argmax(axis=1) == y).sum().asscalar()
            n += y.size
        nd.waitall()
        answer['train'] = [clock.lap(), n]
        answer['cpu'] = [clock.cpu, n]
        core(net, fixed, request['core'])
        answer['core'][0] += clock.lap()
        hits, n = nd.array([0]), 0
        batches = test_iter.take(request['evaluate'])
        clock.lap()
        for X, y in batches:
            hits += (net(X).argmax(axis=1) == y.astype('float32')).sum()
            n += y.size
            hits.wait_to_read()
        answer['evaluate'] = [clock.lap(), n]
        requests.answer(**answer)
