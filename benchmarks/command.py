"""One run of the benchmark: measure, tell, write."""
import json
import os
import shutil
import tempfile

from . import measure
from .machine import machine
from .prediction import prediction
from .report import render, summarize
from .startup import startup, whole


def run(settings, models, parts, json_path=None, chart_path=None):
    """Measure `parts` for `models`, print the report, and write the files that are named.

    Raises WorkerError where a variant fails, OSError where a file cannot be written.
    """
    check_folders(json_path, chart_path)
    raw = {'machine': machine(), 'batch_size': settings.batch_size, 'rounds': settings.rounds,
           'notes': [], 'training': {}, 'batch_norm': {}, 'prediction': {}, 'growth': [],
           'startup': [], 'whole': []}
    folder = tempfile.mkdtemp(prefix='gluonblocks-benchmark-')
    try:
        raw['facts'] = facts = measure.probe(settings, folder)
        if 'startup' in parts:
            raw['startup'], raw['whole'] = startup(settings), whole(settings)
        for model in models if 'training' in parts else ():
            raw['training'][model], notes = measure.training(model, settings, facts, folder)
            raw['notes'] += ['%s, %s' % (model, note) for note in notes]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if 'batch_norm' in parts:
        raw['batch_norm'] = measure.batch_norm(settings)
    if 'prediction' in parts:
        raw['prediction'], notes = prediction(settings, facts, models)
        raw['notes'] += notes
    if 'growth' in parts:
        raw['growth'] = measure.growth(settings, models)
    results = summarize(raw)
    print(render(raw, results), end='', flush=True)
    if json_path:
        write_whole(json_path, lambda path: dump(raw, results, path))
    if chart_path:
        from .chart import draw
        write_whole(chart_path, lambda path: draw(results, path, settings.batch_size))


def check_folders(*paths):
    """OSError for a path, if there is one, whose folder cannot be written to."""
    for path in filter(None, paths):
        folder = os.path.dirname(os.path.abspath(path))
        if not os.access(folder, os.W_OK):
            raise OSError('%s: cannot be written: %s is no folder that may be written to'
                          % (path, folder))


def dump(raw, results, path):
    """Write samples and results as JSON."""
    def plain(value):
        if hasattr(value, '_asdict'):
            value = value._asdict()
        if isinstance(value, dict):
            return {key if isinstance(key, str) else str(key): plain(item)
                    for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value
    with open(path, 'w') as f:
        json.dump(plain({'results': results, 'samples': raw}), f, indent=1)
        f.write('\n')


def write_whole(path, write):
    """Have `write` make the file beside `path`, and put it in its place when it is whole."""
    stem, ending = os.path.splitext(path)
    partial = '%s.partial-%d%s' % (stem, os.getpid(), ending)
    try:
        write(partial)
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
