"""Predictions by the engines that a net can leave to, side by side: images in, logits out."""
import contextlib
import tempfile

from .measure import say
from .workers import Unavailable, Worker

OURS, ONNX, INT8, TORCH = 'ours', 'ONNX Runtime', 'ONNX Runtime int8', 'PyTorch'
ENGINES = (OURS, ONNX, INT8, TORCH)


def prediction(settings, facts, models):
    """({(model, batch): {engine: [seconds an image, for each round]}}, notes).

    Ours is the net in MXNet as `gluonblocks predict` has it, in batches of 1 and of the settings'
    size; in each round all engines take turns.
    """
    samples, notes = {}, []
    for model in models:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            live = {}
            for name, spec, threads in _engines(model, settings, facts, folder, notes):
                say('prediction: starting %s, %s' % (model, name))
                try:
                    live[name] = stack.enter_context(Worker(spec, threads))
                except Unavailable as error:
                    _note(notes, str(error))
                    continue
                if 'version' in live[name].hello:
                    facts['versions'][name.replace(' int8', '')] = live[name].hello['version']
            for batch in sorted({1, settings.batch_size}):
                samples[model, batch] = _rounds(live, batch, settings)
    return samples, notes


def _engines(model, settings, facts, folder, notes):
    """(name, the worker's spec, its threads) of each engine; the ONNX files are written before."""
    yield OURS, dict(kind='predict_ours', model=model), settings.threads
    say('prediction: exporting %s' % model)
    spec = dict(kind='export_onnx', model=model, folder=folder)
    with Worker(spec, settings.threads) as worker:
        written = worker.hello
    for why in written['missing']:
        _note(notes, why)
    threads = facts['threads']
    for name, format in ((ONNX, 'onnx'), (INT8, 'onnx-int8')):
        if format in written['paths']:
            yield name, dict(kind='predict_onnx', model=model, threads=threads,
                             path=written['paths'][format]), threads
    yield TORCH, dict(kind='predict_torch', model=model, resize=facts['resize'][model],
                      threads=threads), threads


def _rounds(live, batch, settings):
    """{engine: [seconds an image, for each round]}."""
    times, samples = {}, {name: [] for name in live}
    for name, worker in live.items():
        seconds, _ = worker.ask(predict=1, batch=batch)['predict']
        times[name] = max(1, min(200, round(settings.seconds / 2 / seconds)))
    for _ in range(settings.rounds):
        for name, worker in live.items():
            seconds, images = worker.ask(predict=times[name], batch=batch)['predict']
            samples[name].append(seconds / images)
    return samples


def _note(notes, text):
    if text not in notes:
        notes.append(text)
