"""Clocks for workers, and the rounds that training workers serve."""
import time

PARTS = ('batch', 'net', 'loss', 'metrics', 'optimizer')  # of a training step


class Clock:
    """Seconds between calls of `lap`; `cpu` is the processor time of this process in them.

    Processor time covers all threads, also those that wait actively; other processes hardly
    lengthen it. It does not cover processes that this one started.
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

    `done(part)` calls `wait`, which returns when everything is computed, and adds the time since
    the call before to that part. Every moment of a step therefore belongs to exactly one part: no
    part is negative, together they are the step, and the net's part is at least as long as
    everything that the net executed in it. Such a step is longer than one in which Python runs
    ahead of the computation, so the fraction outside the net is an upper bound.
    """

    def __init__(self, wait=lambda: None):
        self._wait, self._clock, self.seconds = wait, Clock(), dict.fromkeys(PARTS, 0.0)

    def start(self):
        """Leave out the time since the last call."""
        self._clock.lap()

    def done(self, part):
        self._wait()
        self.seconds[part] += self._clock.lap()


def serve_rounds(requests, training):
    """Answer rounds by the methods of `training` that a request names: 'train', PyTorch's 'collect'
    and 'evaluate', each with a number of batches; 'warm' batches are trained on first.

    Each takes the number of batches and returns that of the images; the answer has [seconds,
    images] of each, and "cpu" with the processor time of 'train'. With 'parts' the answer also has
    [seconds of each part, images] of so many batches.
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
    """Answer [seconds, images] of `predict`, from a NumPy array to a NumPy array; `shape` is that
    of an image, (C, H, W)."""
    import numpy as np
    for request in requests:
        X = np.random.RandomState(0).rand(request['batch'], *shape).astype('float32')
        predict(X)
        clock = Clock()
        for _ in range(request['predict']):
            predict(X)
        count = request['predict'] * len(X)
        requests.answer(predict=[clock.lap(), count], cpu=[clock.cpu, count])
