"""Time gluonblocks, the book's code, PyTorch and ONNX Runtime in processes that take turns."""
import contextlib
import sys
import tempfile
from typing import NamedTuple, Optional, Sequence

from .machine import sample_load
from .workers import Unavailable, Worker

# The operators to compare: {title: (model, MXNet's operators, ours)}. Each model uses batch
# normalization only in the layers that the title names. The first comparison includes the
# activations on both sides. In the second, only our operator includes the activation.
NORMS = {'convolution, norm, activation and pooling, 6 and 16 channels': (
             'lenet_bn_conv', ('Convolution', 'BatchNorm', 'Activation', 'Pooling'),
             ('_gluonblocks_stage',)),
         'norm of 120 and 84 features': (
             'lenet_bn_dense', ('BatchNorm',), ('_gluonblocks_norm',))}
TORCH_MODES = ('eager', 'channels_last', 'compile', 'compile+channels_last')
SMALL = ('lenet_bn', 'lenet_bn_gluon')
SLOWER = 1.4  # PyTorch modes slower than the fastest one by this factor are dropped early
MXNET = "MXNet's operators"
OURS, EMPTY, ONNX, TORCH = ENGINES = ('ours', 'empty graph', 'ONNX Runtime', 'PyTorch')


class Settings(NamedTuple):
    """Options of a measurement."""

    quick: bool = False
    batch_size: int = 256
    dataset: str = 'fashion-mnist'
    data_root: Optional[str] = None
    threads: Optional[int] = None
    only: Sequence[str] = ('notebook', 'ours', 'torch', 'parts')
    max_steps: int = 50
    resize: Optional[int] = None

    def torch_modes(self, model):
        """Return the PyTorch modes to measure; a quick run compiles only small nets."""
        if not self.quick:
            return TORCH_MODES
        return ('eager', 'compile') if model in SMALL else ('eager', 'channels_last')

    @property
    def omitted(self):
        """Return notes on what a quick run omits, or an empty list if this run is not quick."""
        return self.quick and [
            'a quick run has 3 rounds of 0.4 s, not 7 of 1 s. It omits torch.compile, except for '
            "the LeNets without channels_last, and the notebook's code, except for lenet_bn. "
            'Targets against PyTorch use the fastest mode that was measured.'] or []

    @property
    def rounds(self):
        return 3 if self.quick else 7

    def times(self, seconds, most=None):
        """Return how many times a round repeats an operation that takes `seconds`."""
        return max(1, min(most or self.max_steps, round((0.4 if self.quick else 1.0) / seconds)))


def log(*words):
    print(*words, file=sys.stderr, flush=True)


def interleave(requests, rounds, title):
    """Send each worker its request in every round; return {name: list of answers}.

    `requests` is {name: (worker, request)}. The order rotates from round to round, because the
    contents of the CPU caches at the start of a measurement depend on the variant measured before.
    """
    names, answers = list(requests), {name: [] for name in requests}
    for i in range(rounds):
        log('%s: round %d of %d' % (title, i + 1, rounds))
        sample_load()
        for name in names[i % len(names):] + names[:i % len(names)]:
            worker, request = requests[name]
            answers[name].append(worker.ask(**request))
    return answers


def per_image(answers, what):
    """Return a list of seconds per image, one for each of a worker's `answers`.

    `what` is the measured operation, such as 'train' or 'predict'.
    """
    return [answer[what][0] / answer[what][1] for answer in answers]


def training(model, settings, facts, folder, note):
    """Measure training, evaluation and the parts of a step; return {variant: samples}.

    Most entries of the dict `samples` are lists with one value per round, in seconds per image:
    'step', 'cpu' (the processor time of a step), 'evaluate' and, for PyTorch, 'collect' (a step
    of a loop that collects the metrics). The entries 'parts', 'primitives' (of oneDNN),
    'operators' (in C++) and 'update' (a lower bound for SGD) are dicts that map names to such
    lists; 'peak_mib' is the peak memory in MiB. `note` is called with each message for the report.
    """
    with contextlib.ExitStack() as stack:
        requests = {}
        for name, spec, options in _variants(model, settings, facts, folder):
            log('%s: starting %s' % (model, name))
            try:
                worker = stack.enter_context(Worker(spec, **options))
            except Unavailable as error:
                note('%s, %s: %s' % (model, name, error))
                continue
            requests[name] = worker, _request(worker, settings)
            if name.startswith('torch'):
                facts['versions']['PyTorch'] = worker.first_answer['version']
                note('%s, %s: the fastest SGD is %s'
                     % (model, name, worker.first_answer['optimizer']))
                _drop_slow_modes(model, requests, note)
        return {name: samples(answers)
                for name, answers in interleave(requests, settings.rounds, model).items()}


def _variants(model, settings, facts, folder):
    """Yield (name, worker spec, `Worker` options) for each variant to train."""
    common = dict(model=model, batch_size=settings.batch_size)
    own = dict(kind='ours.train', dataset=settings.dataset, data_root=settings.data_root,
               resize=facts['resize'][model], **common)
    # Start PyTorch's workers first: those of slow modes are shut down before other workers start.
    for mode in settings.torch_modes(model) if 'torch' in settings.only else ():
        spec = dict(kind='pytorch.train', mode=mode, lr=facts['lr'][model], folder=folder,
                    resize=facts['resize'][model], threads=facts['threads'], **common)
        yield 'torch ' + mode, spec, {'threads': facts['threads']}
    notebook = 'notebook' in settings.only and not settings.resize  # fixed image sizes
    if notebook and (model == 'lenet_bn' or not settings.quick):
        yield 'notebook', dict(kind='notebook.train', folder=folder, **common), {}
    if 'ours' in settings.only:
        yield 'ours', own, {'threads': settings.threads}
    if 'parts' in settings.only:
        yield 'parts', dict(own, parts=True), {
            'threads': settings.threads, 'variables': {'MKLDNN_VERBOSE': '1'}}


def _request(worker, settings):
    """Warm up a training worker; return the request to send in each round."""
    extra = ('collect', 'parts') if worker.spec['kind'].startswith('pytorch') else ()
    once = dict({'train': 1, 'evaluate': 1}, **{what: 1 for what in extra})
    first = worker.ask(**once)
    if first['train'][0] < 0.5:  # this also consumes the batches that loaders have prefetched
        worker.ask(train=min(10, settings.max_steps), evaluate=1)
    warm = worker.ask(reset_peak=True, **once)
    times = {what: settings.times(warm['train'][0]) for what in ('train', *extra)}
    # Each round starts with an untimed step. It warms up the caches after other variants have run,
    # and converts the weights from oneDNN's layout, in which an evaluation leaves them.
    return dict(times, warm=1, evaluate=settings.times(3 * warm['evaluate'][0]))


def samples(answers):
    """Convert a worker's answers, one per round, to a dict of samples (see `training`)."""
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


def _drop_slow_modes(model, requests, note):
    """Shut down workers of PyTorch modes whose time exceeds `SLOWER` times that of the fastest."""
    short = {name: (worker, {'train': request['train']})
             for name, (worker, request) in requests.items()}
    fastest = {name: min(per_image(answers, 'train'))
               for name, answers in interleave(short, 3, model + ', PyTorch modes').items()}
    for name, seconds in fastest.items():
        slower = seconds / min(fastest.values())
        if slower > SLOWER:
            note('%s, %s: dropped, because it took %.1f times as long as the fastest mode'
                 % (model, name, slower))
            requests.pop(name)[0].close()


def batch_norm(settings):
    """Time the forward and backward operators in `NORMS`.

    Return {variant: {title: [seconds per training step, one value per round]}}.
    """
    samples = {MXNET: {}, OURS: {}}
    for name, (model, *operators) in NORMS.items():
        with contextlib.ExitStack() as stack:
            requests = {}
            for variant, switch, of_variant in zip((MXNET, OURS), '01', operators):
                worker = stack.enter_context(Worker(
                    dict(kind='norm.norm', model=model, operators=of_variant,
                         batch_size=settings.batch_size),
                    settings.threads, {'GLUONBLOCKS_OPERATORS': switch}))
                requests[variant] = worker, {'times': 10 if settings.quick else 30}
            for variant, found in interleave(requests, settings.rounds, name).items():
                samples[variant][name] = [answer['seconds'] for answer in found]
    return samples


def prediction(models, settings, facts, note):
    """Time predictions; return {(model, batch size): {engine: [seconds per image, ...]}}.

    The batch sizes are 1 and `settings.batch_size`. Each list has one value per round.
    """
    samples = {}
    for model in models:
        with contextlib.ExitStack() as stack:
            folder, workers = stack.enter_context(tempfile.TemporaryDirectory()), {}
            for name, spec, threads in _engines(model, settings, facts, folder, note):
                log('prediction: starting %s, %s' % (model, name))
                try:
                    workers[name] = stack.enter_context(Worker(spec, threads))
                except Unavailable as error:
                    note(str(error))
                    continue
                if 'version' in workers[name].first_answer:
                    facts['versions'][name] = workers[name].first_answer['version']
            for batch in sorted({1, settings.batch_size}):
                requests = {}
                for name, worker in workers.items():
                    once = worker.ask(predict=1, batch=batch)['predict'][0]
                    if once < 0.02:  # the first calls are slower than later ones
                        once = worker.ask(predict=50, batch=batch)['predict'][0] / 50
                    requests[name] = worker, {'predict': settings.times(2 * once, 1000),
                                              'batch': batch}
                answers = interleave(requests, settings.rounds,
                                     '%s, predictions of %d' % (model, batch))
                samples[model, batch] = {name: per_image(found, 'predict')
                                         for name, found in answers.items()}
    return samples


def _engines(model, settings, facts, folder, note):
    """Export the model to ONNX; yield (name, worker spec, threads) for each prediction engine."""
    yield OURS, dict(kind='ours.predict', model=model), settings.threads
    yield EMPTY, dict(kind='ours.empty', model=model), settings.threads
    export = dict(kind='engines.export', model=model, folder=folder)
    with Worker(export, settings.threads) as worker:
        written = worker.first_answer
    threads = facts['threads']
    if 'missing' in written:
        note(written['missing'])
    else:
        yield ONNX, dict(kind='engines.predict', model=model, threads=threads,
                         path=written['path']), threads
    yield TORCH, dict(kind='pytorch.predict', model=model, resize=facts['resize'][model],
                      threads=threads), threads
