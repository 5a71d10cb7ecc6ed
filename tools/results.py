"""Print the results of finished runs as a Markdown table: the mean and range over seeds.

    python -m tools.results runs/lenet_bn-* runs/resnet-*

Runs that differ only in their seed share a row, which shows the loss, the training accuracy and the
test accuracy after the last epoch. Each model that was trained on Fashion-MNIST with the default
options is followed by rows with published results.
"""
import argparse
import collections
import sys

from gluonblocks.report.charts import published_runs
from gluonblocks.report.run import read_runs
from gluonblocks.runs.options import BOOKKEEPING

HEAD = ('| model | source | runs | epochs | loss | train acc | test acc |\n'
        '|---|---|---|---|---|---|---|\n')
MEASURES = [('loss', '%.4f'), ('train_acc', '%.3f'), ('test_acc', '%.3f')]


def options(config):
    """Return the options that the user set and that affect training, as text.

    The data set, which `groups` compares separately, and the seed are omitted.
    """
    return ', '.join('%s %s' % (name.replace('_', '-'), config[name])
                     for name in sorted(set(config['chosen']) - {'dataset', 'seed', *BOOKKEEPING}))


def groups(folders):
    """Group the runs in `folders`; return {(model, dataset, options, epochs): list of runs}.

    Raises ValueError if a run is not finished, or if two runs of a group have the same seed.
    """
    found = collections.defaultdict(list)
    for run in read_runs(folders):
        if run.state.startswith('not finished'):
            raise ValueError('%s is %s' % (run.folder, run.state))
        # Compare the epochs separately: if a run was resumed to train for more epochs, they are not
        # among its chosen options.
        runs = found[run.config['model'], run.config['dataset'], options(run.config),
                     run.config['epochs']]
        for other in runs:
            if other.config['seed'] == run.config['seed']:
                raise ValueError('expected one run for each seed, but %s and %s both have '
                                 'seed %d' % (other.folder, run.folder, run.config['seed']))
        runs.append(run)
    return found


def summary(values, form):
    """Return the mean of `values` as text, with the range if there are several: '0.5 (0.4–0.6)'."""
    mean, least, most = [form % value for value in (
        sum(values) / len(values), min(values), max(values))]
    return mean if len(values) == 1 else '%s (%s–%s)' % (mean, least, most)


def table(found):
    """Return the groups of runs as a Markdown table."""
    text = HEAD
    for (model, dataset, changed, _), runs in found.items():
        last = [run.epochs[-1] for run in runs]
        epochs = sorted({row.epoch for row in last})
        cells = [summary([getattr(row, name) for row in last], form) for name, form in MEASURES]
        text += '| `%s`%s | gluonblocks | %d | %s | %s |\n' % (
            model, changed and ', ' + changed, len(runs), '–'.join(map(str, epochs)),
            ' | '.join(cells))
        if not changed:
            for source, rows in published_runs({'model': model, 'dataset': dataset}):
                text += '| | %s | 1 | %d | %.4f | %.3f | %.3f |\n' % ((source,) + rows[-1])
    return text


def main(argv=None):
    """Print the results table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folders', nargs='+', metavar='FOLDER', help='folders of finished runs')
    try:
        print(table(groups(parser.parse_args(argv).folders)), end='')
    except ValueError as error:
        print('error: %s' % error, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
