"""docs/exercises.md shows what the experiments printed."""
import os

import pytest
from conftest import REPOSITORY

from experiments import command


def read(*names):
    with open(os.path.join(REPOSITORY, *names), encoding='utf-8') as f:
        return f.read()


@pytest.mark.parametrize('name', command.NAMES)
def test_the_document_has_what_the_experiment_printed(name):
    printed = read('results', 'experiments', name + '.txt')
    document = read('docs', 'exercises.md')
    assert printed and '```\n%s```' % printed in document
    assert 'experiments.py %s' % name in document


@pytest.mark.parametrize('name', [name for name in command.NAMES
                                  if hasattr(command._experiment(name), 'draw')])
def test_the_document_has_the_chart_of_the_experiment(name):
    assert '(../results/experiments/%s.png)' % name in read('docs', 'exercises.md')
    assert os.path.exists(os.path.join(REPOSITORY, 'results', 'experiments', name + '.png'))
