"""Documents contain what commands printed, links that lead somewhere, and names that exist."""
import operator
import os
import re

import pytest
from conftest import REPOSITORY, load_script

import gluonblocks as gb
from gluonblocks.runs.records import HistoryRow, TimesRow
from gluonblocks.training.norms import NormRow


def read(*names):
    with open(os.path.join(REPOSITORY, *names)) as f:
        return f.read()


def section(document, title):
    return read(document).partition('\n## %s\n' % title)[2].partition('\n## ')[0]


def test_the_table_contains_the_printed_means_of_several_seeds():
    assert read('results', 'seeds.txt') in read('README.md')


def test_the_results_name_the_command_that_wrote_each_file():
    text = read('results', 'README.md')
    names = [os.path.relpath(os.path.join(folder, name), os.path.join(REPOSITORY, 'results'))
             for folder, _, found in os.walk(os.path.join(REPOSITORY, 'results')) for name in found]
    assert [name for name in names if not re.search(r'[(`]%s[)`]' % re.escape(name), text)
            and name != 'README.md'] == []


def test_the_documents_contain_the_last_matrix_and_the_printed_exports():
    matrix = load_script('matrix')
    assert matrix.table(matrix.read_records().values()) in read('docs', 'compatibility.md')
    shown = section('docs/export.md', 'Example output').split('```')[1].splitlines()
    assert set(shown) <= set(read('results', 'export.txt').splitlines()) and len(shown) > 10


def test_the_scripts_of_the_tutorial_create_images_and_train_on_them(tmp_path, monkeypatch, capsys):
    create, train = re.findall(r'```python\n(.*?)```', read('docs', 'own_images.md'), re.S)
    monkeypatch.chdir(tmp_path)
    exec(create, {})
    exec(train.replace("'resnet'", "'lenet_bn'"), {})  # faster
    out = capsys.readouterr().out
    assert 'epoch 5, loss ' in out and '\ntest accuracy ' in out
    assert (tmp_path / 'plants.html').exists()


def test_the_reference_lists_each_file_of_a_run_and_the_columns_of_each_table(folder, little_data):
    gb.train_model('lenet_bn', folder, dataset='synthetic', epochs=1, batch_size=16, seed=0,
                   norm_stats=True, tensorboard=True)
    documented = section('docs/options.md', 'Files of a run')
    for name in os.listdir(folder):
        assert re.search(r'^\| `%s/?` \|' % re.escape(name), documented, re.M), name
    for kind, text in [(HistoryRow, documented), (TimesRow, documented),
                       (NormRow, section('docs/options.md', 'Batch normalization statistics'))]:
        assert [name for name in kind._fields if '`%s`' % name not in text] == []


def documents():
    return [os.path.join(folder, name) for folder in ('', 'docs', 'results')
            for name in sorted(os.listdir(os.path.join(REPOSITORY, folder)))
            if name.endswith('.md')]


def test_there_are_about_thirty_public_names_and_all_are_documented():
    text = ' '.join(map(read, documents()))
    names = [name for name in gb.__all__ if not name.startswith('_')]
    assert len(names) <= 35
    assert [name for name in names if not re.search(r'\b%s\b' % name, text)] == []


@pytest.mark.parametrize('document', documents())
def test_every_link_of_a_document_leads_somewhere_and_its_names_exist(document):
    text, folder = read(document), os.path.dirname(os.path.join(REPOSITORY, document))
    links = [link for link in re.findall(r'\]\(([^)#\s]+)', text) if '://' not in link]
    missing = [link for link in links if not os.path.exists(os.path.join(folder, link))]
    assert missing == []
    for path, anchor in re.findall(r'\]\(([^)#\s:]*\.md|)#([^)\s]+)\)', text):
        target = os.path.join(os.path.dirname(document), path) if path else document
        assert anchor in anchors(os.path.normpath(target)), '%s#%s' % (path, anchor)
    for name in sorted(set(re.findall(r'\bgb((?:\.\w+)+)', text))):
        operator.attrgetter(name[1:])(gb)


def anchors(document):
    """Return the anchors that code hosts give to the headings of a document."""
    text = re.sub(r'^```.*?^```$', '', read(document), flags=re.M | re.S)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')
            for heading in re.findall(r'^#+ (.+)$', text, re.M)}
