"""docs/exercises.md shows what the experiments printed."""
import os

import pytest
from conftest import REPOSITORY

from experiments import command, document

TEXT = 'before\n<!-- bias: begin -->\nold\n<!-- bias: end -->\nafter\n'


def read_document():
    with open(document.DOCUMENT, encoding='utf-8') as f:
        return f.read()


def test_what_was_printed_stands_between_its_marks_and_the_rest_stays():
    text = document.filled(TEXT, {'bias': 'new\n', 'rates': 'other\n'})
    assert text == 'before\n<!-- bias: begin -->\n```\nnew\n```\n<!-- bias: end -->\nafter\n'
    assert document.filled(text, {'bias': 'new\n'}) == text
    assert document.filled(TEXT, {}) == TEXT


def test_the_document_has_what_the_experiments_printed():
    text, printed = read_document(), document.results()
    assert set(printed) <= set(command.NAMES)
    assert document.filled(text, printed) == text
    assert all('```\n%s```\n' % table in text for table in printed.values())


@pytest.mark.parametrize('name', command.NAMES)
def test_the_document_has_a_place_and_the_command_of_each_experiment(name):
    assert '<!-- %s: begin -->' % name in read_document()
    assert 'experiments.py %s`' % name in read_document()


def test_the_charts_that_the_document_shows_are_there():
    names = [part.split(')')[0] for part in read_document().split('](../results/experiments/')[1:]]
    assert all(os.path.exists(os.path.join(REPOSITORY, 'results', 'experiments', name))
               for name in names)
