"""Sphinx extensions for the site: the sidebar, formulas, --help texts and links in docstrings."""
import contextlib
import io
import json
import os

from docutils import nodes
from docutils.parsers.rst import Directive, roles
from latex2mathml.converter import convert
from sphinx.addnodes import pending_xref


def add_toctrees(app, name, text):
    """Append a toctree for each group of pages to the front page, to fill the sidebar."""
    if name == app.config.root_doc:
        for caption, pages in app.config.site_pages.items():
            lines = ''.join('/%s\n' % page for page in pages if page in app.project.docnames)
            if lines:
                text[0] += '\n\n```{toctree}\n:hidden:\n:caption: %s\n\n%s```\n' % (caption, lines)


def set_language(app, name, text):
    """Set the language of a notebook to Python if its metadata does not specify one."""
    if name.startswith('notebooks/'):
        notebook = json.loads(text[0])
        notebook['metadata'].setdefault('language_info', {'name': 'python'})
        text[0] = json.dumps(notebook)


def name_role(role, rawtext, text, line, inliner, options=None, content=()):
    """Render text in backticks as code; link it to the reference if exactly one name matches."""
    code = nodes.literal(rawtext, text)
    settings = inliner.document.settings
    full = [name for name in settings.env.config.site_names if name.endswith('.' + text)]
    if len(full) != 1:
        return [code], []
    return [pending_xref('', code, refdomain='py', reftype='obj', reftarget=full[0],
                         refdoc=settings.env.docname)], []


class CommandHelp(Directive):
    """The directive `.. command-help:: NAME`, which shows `gluonblocks NAME --help`."""

    required_arguments = 1

    def run(self):
        from gluonblocks.commands import dispatch

        stdout = io.TextIOWrapper(io.BytesIO(), encoding='utf-8')
        os.environ['COLUMNS'] = '88'  # the line width of argparse
        with contextlib.redirect_stdout(stdout):
            try:
                code = dispatch.main([self.arguments[0], '--help'])
            except SystemExit as end:
                code = end.code
        if code:
            raise self.error('gluonblocks %s --help failed' % self.arguments[0])
        stdout.flush()
        text = stdout.buffer.getvalue().decode()
        return [nodes.literal_block(text, text, language='text')]


def visit_math(self, node):
    """Render a formula as MathML, because MathJax would have to be loaded from another host."""
    display = 'block' if isinstance(node, nodes.math_block) else 'inline'
    self.body.append(convert(node.astext(), display=display))
    raise nodes.SkipNode


def setup(app):
    app.add_config_value('site_pages', {}, 'env')
    app.add_config_value('site_names', [], 'env')
    app.connect('source-read', add_toctrees)
    app.connect('source-read', set_language)
    roles.register_local_role('name', name_role)
    app.add_directive('command-help', CommandHelp)
    app.add_html_math_renderer('mathml', (visit_math, None), (visit_math, None))
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
