"""What each worker of a measured network does; a launcher starts it with its job.

The job has "model", "batch_size", how long and how often (see `settings_of`), "links", a number,
and "folder", where the first worker leaves `result.json`. Before the steps over each link it prints
`link NUMBER`, and goes on when the folder has `go-NUMBER`: by then the links are shaped.
"""
import json
import os
import time
import traceback

from .steps import Steps, Training, exchange_seconds, gradients_like, settings_of

from gluonblocks.distributed import Workers  # isort: skip
import mxnet as mx  # isort: skip


def main():
    """Measure; end this process."""
    workers = Workers()
    try:
        _measure(workers)
    except BaseException:
        workers.end('failed', code=1, text=traceback.format_exc().strip().splitlines()[-1])
    workers.end()


def _measure(workers):
    job, rank, n = workers.job, workers.rank, workers.num_workers
    settings, batch_size = settings_of(job), job['batch_size']
    training = Training(job['model'], batch_size * (rank + 1) // n - batch_size * rank // n)
    workers.join()

    def meet():
        workers.gather(b'')

    def agree(number):
        return int(workers.first(b'%d' % number))

    alone = Steps(training.X, training.y, settings, meet, agree)
    training.run(alone, batch_size)
    result = {'compute': _slowest(workers, alone.seconds), 'links': []}
    training.start()
    for number in range(job['links']):
        if rank == 0:
            _wait_for_link(job['folder'], number)
        meet()
        if number == 0:
            result['handling'] = _slowest(workers, exchange_seconds(
                workers.exchange, gradients_like(training.net), settings, meet, agree))
        steps = _Counted(training.X, training.y, settings, meet, agree)
        steps.device = job['device']
        training.run(steps, batch_size, workers.trainer, workers=workers)
        counts = [json.loads(row) for row in workers.gather(json.dumps(steps.bytes).encode())]
        result['links'].append({'step': _slowest(workers, steps.seconds), 'bytes': counts})
    if rank == 0:
        with open(os.path.join(job['folder'], 'result.json'), 'w') as f:
            json.dump(result, f)


class _Counted(Steps):
    """With `bytes`, received and sent by this machine's `device` in a step."""

    def before(self):
        self._before = counters(self.device)

    def after(self):
        steps = self.count * len(self.seconds)
        self.bytes = [(now - then) / steps
                      for now, then in zip(counters(self.device), self._before)]


def counters(device):
    """Bytes that a network device has received and sent, as Linux counts them."""
    with open('/proc/self/net/dev') as f:
        row = next(line for line in f if line.split(':')[0].strip() == device)
    fields = row.partition(':')[2].split()
    return int(fields[0]), int(fields[8])


def _slowest(workers, seconds):
    """Of each round the seconds of who took longest."""
    rows = [json.loads(row) for row in workers.gather(json.dumps(seconds).encode())]
    return [max(column) for column in zip(*rows)]


def _wait_for_link(folder, number):
    print('link %d' % number, flush=True)
    while not os.path.exists(os.path.join(folder, 'go-%d' % number)):
        time.sleep(0.02)
    mx.nd.waitall()
