"""The site's pages and its reference: nothing is missing. And what build_site.py finds wrong."""
import importlib
import importlib.util
import re
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

import gluonblocks as gb
from gluonblocks.commands.dispatch import COMMANDS

ROOT = Path(REPOSITORY)
REFERENCE = ROOT / 'docs' / 'reference'


def load(path):
    spec = importlib.util.spec_from_file_location('site_' + Path(path).stem, str(ROOT / path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def conf(monkeypatch):
    """docs/conf.py, as Sphinx runs it."""
    monkeypatch.setattr(sys, 'path', list(sys.path))
    return load('docs/conf.py')


build_site = load('scripts/build_site.py')


def public_names():
    """Every name that the package and its wings hand out, in full; those at the top by that."""
    top = [name for name in gb.__all__ if not name.startswith('_')]
    names = {'gluonblocks.' + name for name in top}
    for path in sorted((ROOT / 'gluonblocks').glob('*/__init__.py')):
        wing = importlib.import_module('gluonblocks.' + path.parent.name)
        for name in getattr(wing, '__all__', ()):
            if getattr(gb, name, None) is not getattr(wing, name):
                names.add('%s.%s' % (wing.__name__, name))
    return names


def test_the_reference_has_every_public_name_once_and_no_other(conf):
    declared = conf.declared_names()
    assert sorted(declared) == sorted(public_names())


def test_the_references_tables_have_the_names_at_the_top():
    listed = re.findall(r'^   (\w+)$', (REFERENCE / 'index.rst').read_text().partition(
        'autosummary')[2], re.M)
    assert sorted(listed) == sorted(name for name in gb.__all__ if not name.startswith('_'))


def test_the_reference_has_every_command():
    text = (REFERENCE / 'commands.rst').read_text()
    assert re.findall(r'command-help:: (\w+)', text) == list(COMMANDS)


def test_the_sidebar_has_every_page_once(conf):
    listed = [page for pages in conf.PAGES.values() for page in pages]
    files = [path for pattern in ('*.md', 'docs/*.md', 'notebooks/*.ipynb', 'results/README.md')
             for path in ROOT.glob(pattern)]
    pages = {path.relative_to(ROOT).with_suffix('').as_posix() for path in files}
    assert len(set(listed)) == len(listed)
    assert pages - set(listed) == {'README'}  # the front page


def test_text_of_the_reference_is_plain_where_backticks_would_not_end():
    # `Name`s is no word of reStructuredText; help() would show it, the site would warn.
    for name in sorted(public_names()):
        thing = importlib.import_module('gluonblocks')
        for part in name.split('.')[1:]:
            thing = getattr(thing, part)
        assert not re.search(r'`\w+`\w', thing.__doc__ or ''), name


WHOLE = '<h1 id="top">x</h1><a href="other.html#there">y</a><a href="#top">z</a><img src="a.png">'


@pytest.fixture
def site(tmp_path):
    (tmp_path / 'index.html').write_text(WHOLE)
    (tmp_path / 'other.html').write_text('<p id="there"><a href="https://host/">elsewhere</a>')
    (tmp_path / 'a.png').write_text('')
    (tmp_path / 'a.css').write_text('p { background: url("a.png") }')
    return tmp_path


def test_a_whole_site_has_no_faults(site):
    assert build_site.faults(str(site)) == []


@pytest.mark.parametrize('added, fault', [
    ('<a href="gone.html">x</a>', 'index.html links to gone.html, which is not there'),
    ('<a href="other.html#gone">x</a>',
     'index.html links to other.html#gone, a page without that place'),
    ('<a href="#gone">x</a>', 'index.html links to #gone, a page without that place'),
    ('<img src="gone.png">', 'index.html links to gone.png, which is not there'),
    ('<script src="https://cdn/x.js"></script>',
     'index.html takes https://cdn/x.js from another host'),
    ('<link rel="stylesheet" href="//cdn/x.css">',
     'index.html takes //cdn/x.css from another host'),
    ('<style>p { background: url(http://cdn/x.png) }</style>',
     'index.html takes url(http://cdn/x.png from another host')])
def test_a_link_that_leads_nowhere_and_what_comes_from_another_host_are_told(site, added, fault):
    (site / 'index.html').write_text(WHOLE + added)
    assert build_site.faults(str(site)) == [fault]


def test_a_style_that_takes_a_font_from_another_host_is_told(site):
    (site / 'a.css').write_text('@import "https://cdn/font.css";')
    assert build_site.faults(str(site)) == [
        'a.css takes @import "https://cdn/font.css from another host']


def test_a_site_without_its_front_page_is_told(site):
    (site / 'index.html').unlink()
    assert build_site.faults(str(site)) == ['there is no index.html']


@pytest.fixture
def with_sphinx(monkeypatch):
    monkeypatch.setattr(build_site.importlib.util, 'find_spec', lambda name: name)


def test_a_folder_that_is_a_file_is_said_before_sphinx_starts(with_sphinx, monkeypatch, site):
    monkeypatch.setattr(build_site.subprocess, 'call', None)
    with pytest.raises(SystemExit, match='^error: the site cannot be written to .*a.png: File exi'):
        build_site.main(['--out', str(site / 'a.png')])
    assert (site / 'a.png').read_text() == ''


def test_a_folder_with_other_files_is_refused(with_sphinx, monkeypatch, site, capsys):
    monkeypatch.setattr(build_site.subprocess, 'call', None)
    assert build_site.main(['--out', str(site)]) == 1
    assert 'must be an empty folder, or have an earlier site' in capsys.readouterr().err


def test_interrupted_it_is_code_130_in_a_line(with_sphinx, monkeypatch, tmp_path, capsys):
    def interrupted(command):
        raise KeyboardInterrupt
    monkeypatch.setattr(build_site.subprocess, 'call', interrupted)
    assert build_site.main(['--out', str(tmp_path)]) == 130
    assert capsys.readouterr().err == 'interrupted\n'


def test_without_sphinx_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(build_site.importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(SystemExit, match='^error: Sphinx is not installed .*docs'):
        build_site.main([])
