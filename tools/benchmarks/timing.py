"""Clocks, and the loops in which a worker answers requests."""
import time

PARTS = ('batch', 'net', 'loss', 'metrics', 'optimizer')  # the parts of a training step


class Clock:
    """A stopwatch: `lap` returns the seconds since its last call and sets `cpu`.

    `cpu` is the processor time of this process in the same interval. It includes spinning threads,
    but not child processes, and is hardly affected by other processes.
    """

    def __init__(self):
        self._start, self._cpu, self.cpu = time.perf_counter(), time.process_time(), 0.0

    def lap(self):
        now, cpu = time.perf_counter(), time.process_time()
        seconds, self._start = now - self._start, now
        self.cpu, self._cpu = cpu - self._cpu, cpu
        return seconds


class Parts:
    """The seconds that training steps spend in each of `PARTS`.

    `done(part)` calls `wait`, which returns when all computation has finished. It then adds to
    `part` the time since the previous call, so every moment of a step belongs to exactly one part.
    In normal training, Python runs ahead of the computation, so a step spends at most the measured
    fraction of its time outside the net.
    """

    def __init__(self, wait=lambda: None):
        self._wait, self._clock, self.seconds = wait, Clock(), dict.fromkeys(PARTS, 0.0)

    def start(self):
        """Restart the clock, so that the time since the last `done` is not added to any part."""
        self._clock.lap()

    def done(self, part):
        self._wait()
        self.seconds[part] += self._clock.lap()


def serve_rounds(requests, training):
    """Time the methods of `training` on request, and answer each request with the times.

    A request maps the method names 'train', 'evaluate' and, for PyTorch, 'collect' to numbers of
    batches, and 'warm' to the number of untimed training batches that run first. Each method takes
    a number of batches and returns the number of images. The answer maps each requested method to
    [seconds, images], and 'cpu' to [processor seconds, images] for 'train'. If the request contains
    'parts', the answer maps 'parts' to [{part: seconds}, images].
    """
    for request in requests:
        answer = {}
        training.train(request.get('warm', 0))
        for what in ('train', 'collect', 'evaluate'):
            if request.get(what):
                clock = Clock()
                images = getattr(training, what)(request[what])
                answer[what] = [clock.lap(), images]
                if what == 'train':
                    answer['cpu'] = [clock.cpu, images]
        if request.get('parts'):
            parts = Parts()
            answer['parts'] = [parts.seconds, training.train(request['parts'], parts)]
        requests.answer(**answer)


def serve_predictions(requests, predict, shape):
    """Serve requests to time `predict`, a function that takes a NumPy array of images.

    `shape` is an image's shape, (C, H, W). Each answer contains [elapsed seconds, image count] as
    'predict' and [CPU seconds, image count] as 'cpu'. A tenth as many untimed calls run first.
    """
    import numpy as np
    for request in requests:
        X = np.random.RandomState(0).rand(request['batch'], *shape).astype('float32')
        for _ in range(1 + request['predict'] // 10):
            predict(X)
        clock = Clock()
        for _ in range(request['predict']):
            predict(X)
        count = request['predict'] * len(X)
        requests.answer(predict=[clock.lap(), count], cpu=[clock.cpu, count])
