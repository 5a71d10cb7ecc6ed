"""The documents say what commands printed, as results/ has it; their links and names are there."""
import operator
import os
import re

import pytest
from conftest import REPOSITORY, load_script
from PIL import Image

import gluonblocks as gb

TRAINED = ['resnet', 'densenet']


def read(*names):
    with open(os.path.join(REPOSITORY, *names)) as f:
        return f.read()


def section(document, title):
    return read(document).partition('\n## %s\n' % title)[2].partition('\n## ')[0]


@pytest.mark.parametrize('name', TRAINED)
def test_the_table_has_the_last_epoch_that_a_run_printed(name):
    *_, last = re.findall(r'epoch (\d+), loss ([\d.]+), train acc ([\d.]+), test acc ([\d.]+)',
                          read('results', name + '.txt'))
    assert '| `%s` | gluonblocks | 1 | %s |' % (name, ' | '.join(last)) in read('README.md')
    assert last[0] == str(gb.get_recipe(name).epochs)


def test_the_table_has_the_means_of_several_seeds_as_they_were_printed():
    assert read('results', 'seeds.txt') in read('README.md')


def test_the_results_say_which_command_each_file_is_of():
    text = read('results', 'README.md')
    names = [os.path.relpath(os.path.join(folder, name), os.path.join(REPOSITORY, 'results'))
             for folder, _, found in os.walk(os.path.join(REPOSITORY, 'results')) for name in found]
    assert [name for name in names if not re.search(r'[(`]%s[)`]' % re.escape(name), text)
            and name != 'README.md'] == []


def test_the_documents_show_the_last_matrix_and_the_exports_that_were_printed():
    matrix = load_script('matrix')
    assert matrix.table(matrix.read_records().values()) in read('docs', 'compatibility.md')
    shown = section('docs/export.md', 'What it printed').split('```')[1].splitlines()
    assert set(shown) <= set(read('results', 'export.txt').splitlines()) and len(shown) > 10


def test_the_script_for_ones_own_images_trains_on_a_folder_of_them(tmp_path, monkeypatch, capsys):
    for name, grey in [('cat', 40), ('dog', 200)]:
        (tmp_path / 'pets' / name).mkdir(parents=True)
        for i in range(5):
            Image.new('L', (28, 28), grey + i).save(str(tmp_path / 'pets' / name / ('%d.jpg' % i)))
    script, = re.findall(r'```python\n([^`]*folder:pets[^`]*)```', read('README.md'))
    monkeypatch.chdir(tmp_path)
    exec(script.replace("'resnet18'", "'lenet_bn'"), {})  # faster
    out = capsys.readouterr().out
    assert 'epoch 5, loss ' in out and '\ntest accuracy ' in out
    assert (tmp_path / 'pets.html').exists()


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
def test_every_link_of_a_document_leads_somewhere_and_its_names_are_there(document):
    text, folder = read(document), os.path.dirname(os.path.join(REPOSITORY, document))
    links = [link for link in re.findall(r'\]\(([^)#\s]+)', text) if '://' not in link]
    missing = [link for link in links if not os.path.exists(os.path.join(folder, link))]
    assert missing == []
    for there, place in re.findall(r'\]\(([^)#\s:]*\.md|)#([^)\s]+)\)', text):
        target = os.path.join(os.path.dirname(document), there) if there else document
        assert place in places(os.path.normpath(target)), '%s#%s' % (there, place)
    for name in sorted(set(re.findall(r'\bgb((?:\.\w+)+)', text))):
        operator.attrgetter(name[1:])(gb)


def places(document):
    """What stands behind # in links to the headings of a document, as code hosts have it."""
    text = re.sub(r'^```.*?^```$', '', read(document), flags=re.M | re.S)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')
            for heading in re.findall(r'^#+ (.+)$', text, re.M)}
