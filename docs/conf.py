"""Sphinx configuration for the documentation site, which `scripts/build_site.py` builds.

The source folder is the repository root, so that links between Markdown files, for example from
docs/ to results/, also work on the site. No page loads anything from other hosts.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / 'docs' / 'site')]

# The pages, grouped by what the reader needs, in sidebar order. Pages that do not exist are
# ignored. A page that exists but is not listed fails the build and a test.
PAGES = {
    'Tutorials': [
        'docs/notebooks',
        'notebooks/5.11-batch-norm',
        'notebooks/5.12-resnet',
        'notebooks/5.13-densenet',
        'docs/own_images',
        'docs/exercises',
    ],
    'How-to': [
        'docs/training',
        'docs/runs',
        'docs/evaluate',
        'docs/report',
        'docs/own',
        'docs/export',
        'docs/moving_out',
        'docs/machines',
        'docs/debugging',
    ],
    'Reference': [
        'docs/options',
        'docs/library',
        'docs/reference/index',
        'docs/reference/commands',
        'docs/compatibility',
        'docs/arm',
    ],
    'Explanation': [
        'docs/one_step',
        'docs/fast',
        'docs/exact_resume',
        'docs/in_step',
        'docs/performance',
        'docs/tried',
        'docs/reliability',
    ],
    'Project': [
        'results/README',
        'results/zoo',
        'CHANGELOG',
        'CONTRIBUTING',
    ],
}


def declared_names():
    """Return the full names documented in docs/reference, such as gluonblocks.train_ch5."""
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
nitpick_ignore_regex = [  # types that other projects document
    ('py:.*', r'(mxnet|numpy|typing)\..*|bool|float|int|str|Warning|\w+Error|KeyboardInterrupt')]
highlight_language = 'text'
default_role = 'name'
smartquotes = False
python_maximum_signature_line_length = 88

myst_heading_anchors = 4
myst_enable_extensions = ['amsmath', 'dollarmath']
nb_execution_mode = 'off'  # show the outputs that are saved in the notebooks
nb_merge_streams = True

autodoc_inherit_docstrings = False  # otherwise methods without one would show MXNet's
autodoc_member_order = 'bysource'
autodoc_typehints = 'none'
autosummary_generate = False

pygments_dark_style = 'github-dark'
html_theme = 'furo'
html_title = 'gluonblocks ' + release
html_static_path = ['site/static']
html_css_files = ['site.css']
html_extra_path = ['site/root']  # index.html, which redirects to the front page
html_copy_source = html_show_copyright = html_show_sphinx = False
html_use_index = False
html_theme_options = {'navigation_with_keys': True}
html_math_renderer = 'mathml'
