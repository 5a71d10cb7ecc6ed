"""The README's figures are those of the runs whose output is in results/."""
import os
import re

import pytest
from conftest import REPOSITORY

import gluonblocks as gb

TRAINED = ['lenet_bn', 'lenet_bn_gluon', 'resnet', 'densenet']


def read(*names):
    with open(os.path.join(REPOSITORY, *names)) as f:
        return f.read()


def run_of(name):
    """Numbers of the last epoch of results/NAME.txt as text, and the seconds of all epochs."""
    lines = re.findall(r'epoch (\d+), loss ([\d.]+), train acc ([\d.]+), test acc ([\d.]+), '
                       r'time ([\d.]+) sec', read('results', name + '.txt'))
    seconds = [float(line[4]) for line in lines]
    return lines[-1][:4], seconds


@pytest.mark.parametrize('name', TRAINED)
def test_the_table_has_what_the_run_printed(name):
    (epoch, loss, train_acc, test_acc), seconds = run_of(name)
    row = '| `%s` | here | %s | %s | %s | %s | %.0f–%.0f |' % (
        name, epoch, loss, train_acc, test_acc, min(seconds), max(seconds))
    assert row in read('README.md')


def test_each_run_is_of_the_whole_recipe():
    for name in TRAINED:
        assert len(run_of(name)[1]) == gb.get_recipe(name).epochs


def test_the_readme_shows_the_lenets_run():
    assert read('results', 'lenet_bn.txt') in read('README.md')


def test_the_speeds_are_those_the_benchmark_printed():
    shown = read('README.md').partition('## Speed\n')[2].partition('\n## ')[0]
    rows = [line for line in shown.splitlines() if line.startswith('|')]
    printed = (read('results', 'benchmark.txt') +
               read('results', 'benchmark_lenet.txt')).splitlines()
    assert len(rows) > 10 and all(row in printed for row in rows)


def test_the_matrix_is_that_of_the_last_run():
    shown = read('docs', 'compatibility.md').partition('<!-- matrix: begin -->\n')[2].partition(
        '<!-- matrix: end -->')[0]
    assert shown and shown == read('results', 'matrix.md').partition('\n\n')[2]
