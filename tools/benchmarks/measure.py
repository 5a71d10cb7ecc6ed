"""The measurements: in each round all variants take turns, each in a process of its own."""
import contextlib
import sys
import tempfile
from typing import NamedTuple, Optional, Sequence

from .machine import look
from .notebook_code import TRAININGS
from .workers import Unavailable, Worker

SHAPES = [(6, 24, 24), (16, 8, 8), (120,)]  # of the norms of one image that a pass replaces
TORCH_MODES = ('eager', 'channels_last', 'compile', 'compile+channels_last')
SMALL = ('lenet_bn', 'lenet_bn_gluon')
SLOWER = 1.4  # a PyTorch mode this much slower than the fastest at first is left out
OURS, EMPTY, ONNX, TORCH = ENGINES = ('ours', 'empty graph', 'ONNX Runtime', 'PyTorch')


class Settings(NamedTuple):
    """The options of a measurement."""

    quick: bool = False
    batch_size: int = 256
    dataset: str = 'fashion-mnist'
    data_root: Optional[str] = None
    threads: Optional[int] = None
    only: Sequence[str] = ('notebook', 'ours', 'torch', 'parts')
    max_steps: int = 50

    def torch_modes(self, model):
        """The modes of PyTorch to measure; a quick run compiles only the nets that compile fast."""
        if not self.quick:
            return TORCH_MODES
        return ('eager', 'compile') if model in SMALL else ('eager', 'channels_last')

    def has_notebook(self, model):
        return model in TRAININGS and (model == 'lenet_bn' or not self.quick)

    @property
    def left_out(self):
        """Notes of everything that a quick run leaves out."""
        return self.quick and [
            'a quick run has 3 rounds of 0.4 s, not 7 of 1 s; it leaves out torch.compile, except '
            "without channels_last for the LeNets, and the notebook's code except for lenet_bn: "
            'targets against PyTorch are against the fastest mode that was measured'] or []

    @property
    def rounds(self):
        return 3 if self.quick else 7

    def times(self, seconds, most=None):
        """How often something that takes `seconds` is repeated in a round."""
        return max(1, min(most or self.max_steps, round((0.4 if self.quick else 1.0) / seconds)))


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def in_turns(asks, rounds, title):
    """{name: [the answer of each round]} of `asks`, {name: (worker, request)}.

    Each comes first in turn, because a variant finds the caches as the one before left them.
    """
    names, answers = list(asks), {name: [] for name in asks}
    for i in range(rounds):
        say('%s: round %d of %d' % (title, i + 1, rounds))
        look()
        for name in names[i % len(names):] + names[:i % len(names)]:
            worker, request = asks[name]
            answers[name].append(worker.ask(**request))
    return answers


def per_image(answers, what):
    """Seconds an image in each round, of `what` in training workers' answers."""
    return [answer[what][0] / answer[what][1] for answer in answers]


def training(model, settings, facts, folder, note):
    """Rounds of training and evaluation, and the parts of steps: {variant: samples}.

    Samples have a list of the rounds' values for 'step' and 'evaluate' in seconds an image, 'cpu',
    the step's processor time, and where the variant has them 'collect', PyTorch's step in another
    loop, and {name: list} in 'parts', 'primitives' (oneDNN's), 'operators' (ours) and 'update' (the
    least that SGD takes); 'peak_mib' is a number. `note` is called with each remark.
    """
    with contextlib.ExitStack() as stack:
        asks = {}
        for name, spec, how in _variants(model, settings, facts, folder):
            say('%s: starting %s' % (model, name))
            try:
                worker = stack.enter_context(Worker(spec, **how))
            except Unavailable as error:
                note('%s, %s: %s' % (model, name, error))
                continue
            asks[name] = worker, _request(worker, settings)
            if name.startswith('torch'):
                facts['versions']['PyTorch'] = worker.hello['version']
                note('%s, %s: the fastest SGD is %s' % (model, name, worker.hello['optimizer']))
                _leave_out_slow(model, asks, note)
        return {name: samples(answers)
                for name, answers in in_turns(asks, settings.rounds, model).items()}


def _variants(model, settings, facts, folder):
    """(name, the worker's spec, its threads and variables) of each variant to be measured."""
    common = dict(model=model, batch_size=settings.batch_size)
    own = dict(kind='ours.train', dataset=settings.dataset, data_root=settings.data_root, **common)
    # PyTorch first: only its fastest modes stay in memory while the others are measured.
    for mode in settings.torch_modes(model) if 'torch' in settings.only else ():
        spec = dict(kind='pytorch.train', mode=mode, lr=facts['lr'][model], folder=folder,
                    resize=facts['resize'][model], threads=facts['threads'], **common)
        yield 'torch ' + mode, spec, {'threads': facts['threads']}
    if 'notebook' in settings.only and settings.has_notebook(model):
        yield 'notebook', dict(kind='notebook.train', folder=folder, **common), {}
    if 'ours' in settings.only:
        yield 'ours', own, {'threads': settings.threads}
    if 'parts' in settings.only:
        yield 'parts', dict(own, parts=True), {
            'threads': settings.threads, 'variables': {'MKLDNN_VERBOSE': '1'}}


def _request(worker, settings):
    """The request of a round, after a training worker has warmed up."""
    extra = ('collect', 'parts') if worker.spec['kind'].startswith('pytorch') else ()
    once = dict({'train': 1, 'evaluate': 1}, **{what: 1 for what in extra})
    first = worker.ask(**once)
    # After others' turns the caches are cold, which would count as part of a short step.
    fast = first['train'][0] < 0.5
    if fast:  # this also uses up the batches that a loader has fetched ahead
        worker.ask(train=min(10, settings.max_steps), evaluate=1)
    warm = worker.ask(reset_peak=True, **once)
    times = {what: settings.times(warm['train'][0]) for what in ('train', *extra)}
    return dict(times, warm=int(fast), evaluate=settings.times(3 * warm['evaluate'][0]))


def samples(answers):
    """The samples of a variant, as `training` describes them, from its worker's answers."""
    found = {'peak_mib': answers[-1]['peak_mib']}
    for what, title in (('train', 'step'), ('cpu', 'cpu'), ('evaluate', 'evaluate'),
                        ('collect', 'collect')):
        if what in answers[0]:
            found[title] = per_image(answers, what)
    if 'parts' in answers[0]:
        found['parts'] = {part: [answer['parts'][0][part] / answer['parts'][1]
                                 for answer in answers] for part in answers[0]['parts'][0]}
    for what in ('primitives', 'operators', 'update') if 'update' in answers[0] else ():
        found[what] = {name: [answer[what].get(name, 0) / 1e3 / answer['train'][1]
                              for answer in answers] for name in answers[0][what]}
    return found


def _leave_out_slow(model, asks, note):
    """Close the PyTorch modes that are clearly slower than the fastest, to save memory."""
    short = {name: (worker, {'train': request['train']})
             for name, (worker, request) in asks.items()}
    looks = {name: min(per_image(answers, 'train'))
             for name, answers in in_turns(short, 3, model + ', a first look').items()}
    for name, seconds in looks.items():
        slower = seconds / min(looks.values())
        if slower > SLOWER:
            note('%s, %s: %.1f times the time of a faster mode at first; it took no part in the '
                 'rounds' % (model, name, slower))
            asks.pop(name)[0].close()


def batch_norm(settings):
    """{variant: {shape: [seconds of forward and backward, for each round]}}."""
    samples = {}
    with Worker({'kind': 'norm.batch_norm'}, settings.threads) as worker:
        for shape in [(settings.batch_size,) + shape for shape in SHAPES]:
            asks = {}
            for name in worker.hello['variants']:
                request = dict(variant=name, shape=shape)
                once = worker.ask(times=3, **request)['seconds']
                asks[name] = worker, dict(request, times=settings.times(3 * once, 100))
            answers = in_turns(asks, settings.rounds, 'batch_norm %s' % (shape,))
            for name, found in answers.items():
                samples.setdefault(name, {})[shape] = [answer['seconds'] for answer in found]
    return samples


def prediction(models, settings, facts, note):
    """{(model, batch): {engine: [seconds an image, for each round]}}.

    The engines are those that a net can be exported to. Batches are of 1 image and of the settings'
    size, from images to logits.
    """
    samples = {}
    for model in models:
        with contextlib.ExitStack() as stack:
            folder, workers = stack.enter_context(tempfile.TemporaryDirectory()), {}
            for name, spec, threads in _engines(model, settings, facts, folder, note):
                say('prediction: starting %s, %s' % (model, name))
                try:
                    workers[name] = stack.enter_context(Worker(spec, threads))
                except Unavailable as error:
                    note(str(error))
                    continue
                if 'version' in workers[name].hello:
                    facts['versions'][name] = workers[name].hello['version']
            for batch in sorted({1, settings.batch_size}):
                asks = {}
                for name, worker in workers.items():
                    once = worker.ask(predict=1, batch=batch)['predict'][0]
                    asks[name] = worker, {'predict': settings.times(2 * once, 200), 'batch': batch}
                answers = in_turns(asks, settings.rounds, '%s, predicting %d' % (model, batch))
                samples[model, batch] = {name: per_image(found, 'predict')
                                         for name, found in answers.items()}
    return samples


def _engines(model, settings, facts, folder, note):
    """(name, the worker's spec, its threads) of each engine; the ONNX files are written first."""
    yield OURS, dict(kind='ours.predict', model=model), settings.threads
    yield EMPTY, dict(kind='ours.empty', model=model), settings.threads
    export = dict(kind='engines.export', model=model, folder=folder)
    with Worker(export, settings.threads) as worker:
        written = worker.hello
    threads = facts['threads']
    if 'missing' in written:
        note(written['missing'])
    else:
        yield ONNX, dict(kind='engines.predict', model=model, threads=threads,
                         path=written['path']), threads
    yield TORCH, dict(kind='pytorch.predict', model=model, resize=facts['resize'][model],
                      threads=threads), threads
