"""One process's part of what several workers do: a step of its images, and its sums' arithmetic."""
from gluonblocks.distributed.exchange import Exchange

from ..wire.steps import Nowhere, Steps, Training, exchange_seconds, gradients_like, settings_of
from .ours import versions


def exchange(requests, model, images, **how):
    """Answer the numbers of gradients that travel together, `buckets`, and to each request seconds:
    {"images": n} those of a step of n images, in each round; {"workers": n} those in which a worker
    prepares gradients that n workers sum, and takes up their sums, without sending them, once."""
    settings = settings_of(how)
    training = Training(model, images)
    gradients = gradients_like(training.net)
    store = Nowhere()
    Exchange(store, 0, 2).sum_gradients(gradients, 1 / images)
    requests.answer(buckets=list(store.sizes.values()), versions=versions())
    for request in requests:
        if 'images' in request:
            n = request['images']
            steps = Steps(training.X[:n], training.y[:n], settings)
            training.run(steps, n)
            requests.answer(seconds=steps.seconds)
        else:
            requests.answer(seconds=exchange_seconds(
                Exchange(Nowhere(), 0, request['workers']), gradients, dict(settings, rounds=1)))
