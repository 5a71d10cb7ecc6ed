"""The documentation site: `python scripts/build_site.py` builds it by Sphinx.

The Markdown files link to each other as on a code host, README.md to docs/ and docs/ to results/,
so the source folder is the repository's root. No page asks for anything from a network.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / 'docs' / 'site')]

# The pages, as the sidebar lists them: a new page is one line here. One that is not in the
# repository is left out; one of the repository that is not here fails the build, and a test.
PAGES = {
    'Tutorial': [
        'docs/notebooks',
        'notebooks/5.11-batch-norm',
        'notebooks/5.12-resnet',
        'notebooks/5.13-densenet',
        'docs/exercises',
    ],
    'How to': [
        'docs/training',
        'docs/runs',
        'docs/evaluate',
        'docs/report',
        'docs/own',
        'docs/export',
        'docs/moving_out',
        'docs/machines',
    ],
    'Reference': [
        'docs/library',
        'docs/one_step',
        'docs/reference/index',
        'docs/reference/commands',
    ],
    'What to expect': [
        'docs/performance',
        'docs/tried',
        'docs/reliability',
        'docs/compatibility',
        'docs/arm',
        'results/README',
        'results/zoo',
    ],
    'Project': [
        'CHANGELOG',
        'CONTRIBUTING',
    ],
}


def declared_names():
    """The names that docs/reference documents, in full: gluonblocks.train_ch5 and so on."""
    return [name for path in sorted((ROOT / 'docs' / 'reference').glob('*.rst'))
            for name in re.findall(r'^\.\. auto(?:class|exception|function):: ([\w.]+)$',
                                   path.read_text(encoding='utf-8'), re.M)]


project = 'gluonblocks'
release = re.search("__version__ = '(.*)'",
                    (ROOT / 'gluonblocks' / '__init__.py').read_text(encoding='utf-8')).group(1)
root_doc = 'README'
source_suffix = {'.md': 'myst-nb', '.ipynb': 'myst-nb', '.rst': 'restructuredtext'}
include_patterns = ['*.md', 'docs/**', 'notebooks/*.ipynb', 'results/README.md',
                    'results/zoo.md']
exclude_patterns = ['.*', 'PACKAGE.md', 'build', 'runs', 'tests', 'docs/site']
extensions = ['myst_nb', 'sphinx.ext.autodoc', 'sphinx.ext.autosummary', 'rendering']
site_pages, site_names = PAGES, declared_names()

nitpicky = True
nitpick_ignore_regex = [  # the types of others, whose documentation is elsewhere
    ('py:.*', r'(mxnet|numpy|typing)\..*|bool|float|int|str|Warning|\w+Error|KeyboardInterrupt')]
highlight_language = 'text'
default_role = 'name'
smartquotes = False
python_maximum_signature_line_length = 88

myst_heading_anchors = 4
myst_enable_extensions = ['amsmath', 'dollarmath']
nb_execution_mode = 'off'  # a notebook is shown with the outputs that it has
nb_merge_streams = True

autodoc_inherit_docstrings = False  # not MXNet's for what ours leave to them
autodoc_member_order = 'bysource'
autodoc_typehints = 'none'
autosummary_generate = False

pygments_dark_style = 'github-dark'
html_theme = 'furo'
html_title = 'gluonblocks ' + release
html_static_path = ['site/static']
html_css_files = ['site.css']
html_extra_path = ['site/root']  # index.html, which leads to the front page
html_copy_source = html_show_copyright = html_show_sphinx = False
html_use_index = False
html_theme_options = {'navigation_with_keys': True}
html_math_renderer = 'mathml'
