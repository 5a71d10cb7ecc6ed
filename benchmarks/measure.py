"""What is measured, in which turns: each function returns plain lists and dicts of numbers."""
import contextlib
import sys

from .notebook_code import TRAININGS
from .workers import Unavailable, Worker

SHAPES = [(256, 6, 24, 24), (256, 16, 8, 8), (256, 120), (256, 64, 7, 7), (256, 128, 4, 4)]
SIZES, DEPTHS = (32, 64, 128, 256, 512, 1024), range(1, 7)
TORCH_MODES = ('eager', 'channels_last', 'compile', 'compile+channels_last')
SLOWER = 1.4  # a PyTorch mode this much slower than the fastest in its first round gets no more
SLOW_STEP = 3.0  # seconds: a variant with longer steps takes part in every third round


class Settings:
    """How long and how often: `rounds` of about `seconds` for each variant and part."""

    def __init__(self, quick, batch_size, dataset, data_root, threads, only, max_steps=None):
        self.rounds, self.seconds = (3, 0.4) if quick else (7, 1.0)
        self.starts = 3 if quick else 5
        self.batch_size, self.dataset, self.data_root = batch_size, dataset, data_root
        self.threads, self.only, self.max_steps = threads, only, max_steps or 50

    def times(self, seconds):
        """How often what takes `seconds` is repeated in a round."""
        return max(1, min(self.max_steps, round(self.seconds / seconds)))


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def probe(settings, folder):
    """Versions, threads, the data set's size; its arrays are written into `folder`."""
    with Worker(dict(kind='probe', dataset=settings.dataset, data_root=settings.data_root,
                     folder=folder), settings.threads) as worker:
        return worker.hello


def training(model, settings, facts, folder):
    """Rounds of training, network alone and evaluation, of each variant: (samples, notes).

    samples[variant] has lists over the rounds, None where a variant took no part: 'step', 'core'
    and 'evaluate' in seconds an image, 'cpu', the step's processor time, and 'floor' (oneDNN's
    primitives) likewise; and 'peak_mib'.
    """
    samples, notes = {}, []
    with contextlib.ExitStack() as workers:
        live = {}
        for name, spec, how in _variants(model, settings, facts, folder):
            say('%s: starting %s' % (model, name))
            try:
                worker = Worker(spec, **how)
            except Unavailable as error:
                if not any(note.endswith(str(error)) for note in notes):
                    notes.append('%s: %s' % (name, error))
                continue
            workers.callback(worker.close)
            live[name] = _Turns(worker, settings)
            if 'version' in worker.hello:
                facts['versions']['PyTorch'] = worker.hello['version']
            _leave_out_slow(live, notes)
        for i in range(settings.rounds):
            for name, turns in live.items():
                say('%s: round %d of %d, %s' % (model, i + 1, settings.rounds, name))
                turns.round(i)
        for name, turns in live.items():
            samples[name] = turns.samples
    return samples, notes


def _variants(model, settings, facts, folder):
    """(name, the worker's spec, its threads and verbosity) for each variant to be measured."""
    common = dict(model=model, batch_size=settings.batch_size)
    own = dict(kind='ours', dataset=settings.dataset, data_root=settings.data_root, **common)
    # PyTorch first: only its fastest modes stay in memory while the others are measured.
    if 'torch' in settings.only:
        for mode in TORCH_MODES:
            spec = dict(kind='torch', mode=mode, lr=facts['lr'][model], folder=folder,
                        resize=facts['resize'][model], threads=facts['threads'], **common)
            yield 'torch ' + mode, spec, {'threads': facts['threads']}
    if 'notebook' in settings.only and model in TRAININGS:
        yield 'notebook', dict(kind='notebook', folder=folder, **common), {}
    if 'ours' in settings.only:
        yield 'ours', own, {'threads': settings.threads}
    if 'onednn' in settings.only:
        yield 'onednn', own, {'threads': settings.threads, 'verbose': True,
                              'variables': {'GLUONBLOCKS_OPERATORS': '0'}}


class _Turns:
    """A worker that takes its turns, with what they gave."""

    def __init__(self, worker, settings):
        self._worker, self._settings = worker, settings
        first = worker.ask(warm=0, train=1, core=1, evaluate=1)
        # After others' turns the caches are cold, which would count as part of a short step.
        fast = first['train'][0] < 0.5
        if fast:  # the batches that a loader had fetched ahead are used up as well
            worker.ask(warm=0, train=min(10, settings.max_steps), core=1, evaluate=1)
        warm = worker.ask(warm=0, train=1, core=1, evaluate=1)
        self.estimate = warm['train'][0]
        self._times = {what: settings.times(scale * warm[what][0] / warm[what][1] *
                                            settings.batch_size)
                       for what, scale in (('train', 1), ('core', 2))}
        self._times['warm'] = 1 if fast else 0
        self._times['evaluate'] = max(1, settings.times(3 * warm['evaluate'][0]))
        self._fresh = True
        self.samples = {'step': [], 'cpu': [], 'core': [], 'evaluate': [], 'floor': [],
                        'primitives': {}, 'peak_mib': None}

    def round(self, i):
        if self.estimate > SLOW_STEP and i % 3:
            for key in ('step', 'cpu', 'core', 'evaluate', 'floor'):
                self.samples[key].append(None)
            return
        answer = self._worker.ask(reset_peak=self._fresh, **self._times)
        self._fresh = False
        for key, what in (('step', 'train'), ('cpu', 'cpu'), ('core', 'core'),
                          ('evaluate', 'evaluate')):
            seconds, images = answer[what]
            self.samples[key].append(seconds / images)
        primitives = answer.get('primitives')
        images = answer['train'][1]
        self.samples['floor'].append(sum(primitives.values()) / 1e3 / images if primitives else
                                     None)
        for name, milliseconds in (primitives or {}).items():
            self.samples['primitives'].setdefault(name, []).append(milliseconds / 1e3 / images)
        self.samples['peak_mib'] = answer['peak_mib']

    def quick_look(self):
        """Seconds a step, the best of three short goes."""
        n = max(1, self._times['train'] // 2)
        answers = [self._worker.ask(reset_peak=True, warm=1, train=n, core=1, evaluate=1)
                   for _ in range(3)]
        self.estimate = min(answer['train'][0] / n for answer in answers)
        self.samples['peak_mib'] = answers[-1]['peak_mib']

    def close(self):
        self._worker.close()


def _leave_out_slow(live, notes):
    """Close the PyTorch modes that are clearly slower than the fastest, to spare memory."""
    modes = [name for name in live if name.startswith('torch')]
    if not modes or modes[-1] != list(live)[-1]:
        return
    live[modes[-1]].quick_look()
    best = min(live[name].estimate for name in modes)
    for name in modes:
        if live[name].estimate > SLOWER * best:
            notes.append('%s: %.0f ms a batch at first, %.1f times that of a faster mode, peak '
                         '%.0f MiB; it took no part in the rounds'
                         % (name, 1e3 * live[name].estimate, live[name].estimate / best,
                            live[name].samples['peak_mib']))
            live.pop(name).close()


def batch_norm(settings):
    """{variant: {shape: [seconds of forward and backward, for each round]}}."""
    samples = {}
    with Worker({'kind': 'batch_norm'}, settings.threads) as worker:
        names = worker.hello['variants']
        for shape in SHAPES:
            shape = (settings.batch_size,) + shape[1:]
            say('batch_norm: %s' % (shape,))
            times = {}
            for name in names:
                once = worker.ask(variant=name, shape=shape, times=3)['seconds']
                times[name] = max(1, min(100, round(0.3 * settings.seconds / once)))
            for _ in range(settings.rounds):
                for name in names:
                    samples.setdefault(name, {}).setdefault(shape, []).append(worker.ask(
                        variant=name, shape=shape, times=times[name])['seconds'])
    return samples


def growth(settings, models):
    """Rows of {"what", "size", "arithmetic", "step" (seconds, for each round), "peak_mib"}.

    `lenet_bn` and `resnet` by batch size, then a ResNet by the blocks in each of its stages; each
    in a process of its own, one after the other.
    """
    cases = [(model + ', batch', size, dict(model=model, batch_size=size))
             for model in ('lenet_bn', 'resnet') if model in models for size in SIZES]
    cases += [('resnet, blocks in a stage', depth,
               dict(model='resnet', batch_size=settings.batch_size, depth=depth))
              for depth in DEPTHS if 'resnet' in models]
    rows, first = [], {}
    for what, size, spec in cases:
        say('growth: %s %d' % (what, size))
        spec = dict(kind='ours', dataset=settings.dataset, data_root=settings.data_root, **spec)
        with Worker(spec, settings.threads) as worker:
            turns = _Turns(worker, settings)
            for _ in range(min(3, settings.rounds)):
                turns.round(0)
            work = worker.hello.get('multiply_adds', size)  # of one image, or images
        steps = [seconds * spec['batch_size'] for seconds in turns.samples['step']]
        first.setdefault(what, work)
        rows.append(dict(what=what, size=size, step=steps, arithmetic=work / first[what],
                         peak_mib=turns.samples['peak_mib']))
    return rows
