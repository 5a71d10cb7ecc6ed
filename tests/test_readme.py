"""The documents say what commands printed, as results/ has it; their links and names are there."""
import operator
import os
import re

import pytest
from conftest import REPOSITORY

import gluonblocks as gb

TRAINED = ['lenet_bn', 'lenet_bn_gluon', 'resnet', 'densenet']


def read(*names):
    with open(os.path.join(REPOSITORY, *names)) as f:
        return f.read()


def section(document, title):
    return read(document).partition('\n## %s\n' % title)[2].partition('\n## ')[0]


BENCHMARK = read('results', 'benchmark.txt')


def run_of(name):
    """Numbers of the last epoch of results/NAME.txt as text, and the seconds of all epochs."""
    lines = re.findall(r'epoch (\d+), loss ([\d.]+), train acc ([\d.]+), test acc ([\d.]+), '
                       r'time ([\d.]+) sec', read('results', name + '.txt'))
    seconds = [float(line[4]) for line in lines]
    return lines[-1][:4], seconds


@pytest.mark.parametrize('name', TRAINED)
def test_the_table_has_what_the_run_printed(name):
    (epoch, loss, train_acc, test_acc), seconds = run_of(name)
    least, most = '%.0f' % min(seconds), '%.0f' % max(seconds)
    row = '| `%s` | here | %s | %s | %s | %s | %s |' % (
        name, epoch, loss, train_acc, test_acc, least if least == most else least + '–' + most)
    assert row in read('README.md')


def test_each_run_is_of_the_whole_recipe():
    for name in TRAINED:
        assert len(run_of(name)[1]) == gb.get_recipe(name).epochs


def test_the_readme_shows_the_lenets_run():
    assert read('results', 'lenet_bn.txt') in read('README.md')


def test_the_speeds_are_those_the_benchmark_printed():
    shown = section('docs/performance.md', 'What the benchmark printed')
    rows = [line for line in shown.splitlines() if line.startswith('|')]
    assert len(rows) > 10 and all(row in BENCHMARK.splitlines() for row in rows)


def test_the_readmes_speeds_are_those_the_benchmark_printed():
    shown = read('README.md').partition('**Speed**')[2].partition('\n- ')[0]
    speeds = re.findall(r'[\d.]+×', shown)
    assert len(speeds) > 2 and all(' %s ' % speed in BENCHMARK for speed in speeds)


@pytest.mark.parametrize('shown, target', [
    ('`lenet_bn` is (.*?)× as fast as the notebook', "lenet_bn epoch against the notebook's code"),
    ('PyTorch\'s fastest, its steps are (.*?)×', "lenet_bn step against PyTorch's fastest"),
    (r'`lenet_bn_gluon`\'s (.*?)×', "lenet_bn_gluon step against PyTorch's fastest"),
    ('ResNet\'s (.*?)×', "resnet step against PyTorch's fastest"),
    ('DenseNet\'s (.*?)×', "densenet step against PyTorch's fastest")])
def test_each_of_the_readmes_speeds_is_of_what_it_says(shown, target):
    row, = [line for line in BENCHMARK.splitlines() if line.startswith('| ' + target)]
    assert re.search(shown, read('README.md')).group(1) + '×' == row.split('|')[3].strip()


def test_the_figures_of_several_workers_are_those_the_benchmark_printed():
    printed = read('results', 'workers.txt') + read('results', 'workers_densenet.txt')
    shown = [line for line in section('docs/machines.md', 'What limits it').splitlines()
             if line.startswith('|')]
    rows = [line for line in shown if 'bit/s (' in line]
    assert len(rows) > 5 and all(line in printed.splitlines() for line in rows)
    cells = [cell for line in shown for cell in re.findall(r'([\d.]+) (\([\d.]+×\))', line)]
    assert len(cells) > 15 and all('| %s ms %s' % cell in printed for cell in cells)


def test_the_results_say_which_command_each_file_is_of():
    text = read('results', 'README.md')
    names = [os.path.relpath(os.path.join(folder, name), os.path.join(REPOSITORY, 'results'))
             for folder, _, found in os.walk(os.path.join(REPOSITORY, 'results')) for name in found]
    assert [name for name in names if not re.search(r'[(`]%s[)`]' % re.escape(name), text)
            and name != 'README.md'] == []


def test_the_exports_are_those_that_the_command_printed():
    shown = section('docs/export.md', 'What it printed')
    lines = [line for line in shown.split('```')[1].splitlines() if line]
    printed = read('results', 'export.txt').splitlines()
    assert len(lines) == 14 and all(line in printed for line in lines)


def test_the_matrix_is_that_of_the_last_run():
    shown = read('docs', 'compatibility.md').partition('<!-- matrix: begin -->\n')[2].partition(
        '<!-- matrix: end -->')[0]
    assert shown and shown == read('results', 'matrix.md').partition('\n\n')[2]


def documents():
    return [os.path.join(folder, name) for folder in ('', 'docs', 'results')
            for name in sorted(os.listdir(os.path.join(REPOSITORY, folder)))
            if name.endswith('.md')]


def test_the_public_names_are_about_thirty_and_every_one_is_documented():
    text = ' '.join(map(read, documents()))
    names = [name for name in gb.__all__ if not name.startswith('_')]
    assert len(names) <= 35
    assert [name for name in names if not re.search(r'\b%s\b' % name, text)] == []


@pytest.mark.parametrize('document', documents())
def test_every_link_within_the_repository_leads_somewhere(document):
    text, folder = read(document), os.path.dirname(os.path.join(REPOSITORY, document))
    links = [link for link in re.findall(r'\]\(([^)#\s]+)', text) if '://' not in link]
    missing = [link for link in links if not os.path.exists(os.path.join(folder, link))]
    assert missing == []


def places(document):
    """What stands behind # in links to the headings of a document, as code hosts have it."""
    text = re.sub(r'^```.*?^```$', '', read(document), flags=re.M | re.S)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')
            for heading in re.findall(r'^#+ (.+)$', text, re.M)}


@pytest.mark.parametrize('document', documents())
def test_every_link_to_a_heading_finds_it(document):
    for there, place in re.findall(r'\]\(([^)#\s:]*\.md|)#([^)\s]+)\)', read(document)):
        target = os.path.join(os.path.dirname(document), there) if there else document
        assert place in places(os.path.normpath(target)), '%s#%s' % (there, place)


@pytest.mark.parametrize('document', documents())
def test_every_name_of_the_package_that_a_document_uses_is_there(document):
    for name in sorted(set(re.findall(r'\bgb((?:\.\w+)+)', read(document)))):
        operator.attrgetter(name[1:])(gb)
