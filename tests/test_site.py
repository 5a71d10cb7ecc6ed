"""The site lists every page and public name, and build_site.py reports errors."""
import importlib
import re
import runpy
import sys
import types
from pathlib import Path

import pytest
from conftest import REPOSITORY, load_script

import gluonblocks as gb
from gluonblocks.commands.dispatch import COMMANDS

ROOT = Path(REPOSITORY)
REFERENCE = ROOT / 'docs' / 'reference'


@pytest.fixture
def conf(monkeypatch):
    """docs/conf.py, as Sphinx runs it."""
    monkeypatch.setattr(sys, 'path', list(sys.path))
    return types.SimpleNamespace(**runpy.run_path(str(ROOT / 'docs' / 'conf.py')))


build_site = load_script('build_site')


def public_names():
    """Return the full name of each public name; a name that `gb` exports is listed only there."""
    top = [name for name in gb.__all__ if not name.startswith('_')]
    names = {'gluonblocks.' + name for name in top}
    for path in sorted((ROOT / 'gluonblocks').glob('*/__init__.py')):
        package = importlib.import_module('gluonblocks.' + path.parent.name)
        for name in getattr(package, '__all__', ()):
            if getattr(gb, name, None) is not getattr(package, name):
                names.add('%s.%s' % (package.__name__, name))
    return names


def test_the_reference_lists_each_public_name_and_command_once_and_no_others(conf):
    assert sorted(conf.declared_names()) == sorted(public_names())
    listed = re.findall(r'^   (\w+)$', (REFERENCE / 'index.rst').read_text().partition(
        'autosummary')[2], re.M)
    assert sorted(listed) == sorted(name for name in gb.__all__ if not name.startswith('_'))
    text = (REFERENCE / 'commands.rst').read_text()
    assert re.findall(r'command-help:: (\w+)', text) == list(COMMANDS)


def test_the_sidebar_lists_each_page_once(conf):
    listed = [page for pages in conf.PAGES.values() for page in pages]
    files = [path for pattern in ('*.md', 'docs/*.md', 'notebooks/*.ipynb', 'results/README.md',
                                 'results/zoo.md')
             for path in ROOT.glob(pattern)]
    pages = {path.relative_to(ROOT).with_suffix('').as_posix() for path in files}
    assert len(set(listed)) == len(listed)
    assert pages - set(listed) == {'README', 'PACKAGE'}  # the front pages


@pytest.mark.parametrize('text, loaded', [
    ('<script src="https://cdn/x.js"></script>', '<script src="https://cdn/x.js'),
    ('<link rel="stylesheet" href="//cdn/x.css">', '<link rel="stylesheet" href="//cdn/x.css'),
    ('<img alt="y" src="http://cdn/x.png">', '<img alt="y" src="http://cdn/x.png'),
    ('<style>p { background: url(http://cdn/x.png) }', 'url(http://cdn/x.png'),
    ('@import "https://cdn/font.css";', '@import "https://cdn/font.css')])
def test_a_page_that_loads_something_from_another_host_is_reported(tmp_path, text, loaded):
    (tmp_path / 'index.html').write_text(
        '<a href="https://host/">x</a><link rel="canonical" href="https://host/"><img src="a.png">')
    assert build_site.loads_from_elsewhere(str(tmp_path)) == []
    (tmp_path / 'other.html').write_text(text)
    assert build_site.loads_from_elsewhere(str(tmp_path)) == [
        'other.html loads from another host: ' + loaded]


@pytest.mark.parametrize('fails, code', [(None, 0), ('html', 1), ('linkcheck', 1)])
def test_the_site_is_built_and_its_links_are_checked(monkeypatch, tmp_path, fails, code):
    started = []

    def call(command):
        started.append(command[command.index('-b') + 1])
        return started[-1] == fails
    monkeypatch.setattr(build_site.importlib.util, 'find_spec', lambda name: name)
    monkeypatch.setattr(build_site.subprocess, 'call', call)
    assert build_site.main(['--out', str(tmp_path)]) == code
    assert started == ['html', 'linkcheck'][:1 if fails == 'html' else 2]
