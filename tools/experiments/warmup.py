"""Measure how the initial moving averages affect the test accuracy early in training."""
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

from gluonblocks.models.registry import get_recipe
from gluonblocks.training.metrics import evaluate_accuracy

from .common import Panel, percent, table

MODEL, MOMENTUM = 'lenet_bn', 0.9
AT = (1, 2, 3, 5, 8, 12, 20, 30, 50, 100, 235)
STATISTICS = ('variance from 0', 'variance from 1', 'corrected', 'measured again')


def run(settings):
    """Return rows of (step, 1 - momentum^step, test accuracy for each kind in STATISTICS).

    In a running statistic, all batches so far have a total weight of 1 - momentum^step, and the
    initial value has a weight of momentum^step.
    """
    recipe, net = get_recipe(MODEL), settings.new_net(MODEL)
    train_iter, test_iter = settings.loaders(settings.pick(recipe.batch_size, 16))
    trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': recipe.lr})
    stops, rows, first = settings.pick(AT, AT[:3]), [], next(iter(train_iter))[0]
    for step, (X, y) in enumerate(train_iter, 1):
        with autograd.record():
            l = gluon.loss.SoftmaxCrossEntropyLoss()(net(X), y)
        l.backward()
        trainer.step(X.shape[0])
        if step in stops:
            rows.append((step, 1 - MOMENTUM ** step, *_accuracies(net, step, first, test_iter)))
    return rows


def _accuracies(net, step, X, test_iter):
    """Return test accuracies, one per item of STATISTICS; leave the net's statistics unchanged."""
    left, accuracies = MOMENTUM ** step, []
    averages = [(norm, *(param.data().copy() for param in (norm.running_mean, norm.running_var)))
                for norm in norms(net)]
    for change in (lambda mean, var: (mean, var),
                   lambda mean, var: (mean, var + left),  # as if it had started at 1
                   lambda mean, var: without_start(mean, var, left)):
        for norm, mean, var in averages:
            replace(norm, *change(mean, var))
        accuracies.append(evaluate_accuracy(test_iter, net))
    measure_again(net, X)
    accuracies.append(evaluate_accuracy(test_iter, net))
    for norm, mean, var in averages:
        replace(norm, mean, var)
    return accuracies


def norms(net):
    """Return the batch normalization layers of `net`, both gluonblocks' and Gluon's, in order."""
    found = []
    net.apply(lambda block: found.append(block) if isinstance(block, nn.BatchNorm) else None)
    return found


def replace(norm, mean, var):
    norm.running_mean.set_data(mean)
    norm.running_var.set_data(var)


def without_start(mean, var, left):
    """Return the running `mean` and `var` without their initial value 0, whose weight is `left`."""
    return mean / (1 - left), var / (1 - left)


def measure_again(net, X):
    """Recompute the running statistics of a net from the batch X and the current weights.

    The net must not be hybridized.
    """
    layers = norms(net)
    before = [layer._kwargs['momentum'] for layer in layers]
    for layer in layers:
        layer._kwargs['momentum'] = 0.0
    with autograd.record():
        Y = net(X)
    Y.backward()  # Gluon's own layers update their statistics in the backward pass
    nd.waitall()
    for layer, momentum in zip(layers, before):
        layer._kwargs['momentum'] = momentum


def report(rows):
    heads = ('step', '1 - %g^step' % MOMENTUM, *STATISTICS)
    return table(heads, [(step, '%.4f' % moved, *map(percent, accuracies))
                         for step, moved, *accuracies in rows], left=())


def panels(rows):
    yield Panel('Test accuracy of %s early in training' % MODEL, {
        name: [(row[0], 100 * row[i]) for row in rows] for i, name in enumerate(STATISTICS, 2)},
        'steps', 'test accuracy, %', base=10)
