"""The order of the wings: imports run one way, and nobody takes another wing's private names."""
import ast
import pathlib

import pytest
from conftest import REPOSITORY

PACKAGE = pathlib.Path(REPOSITORY) / 'gluonblocks'
# From the ground up. A wing imports from those below its own line, and from itself.
ORDER = [name.split() for name in (
    '_compat files', 'machine', '_runtime', 'devices mxnet_private', 'checks', 'registry',
    'blocks', 'graphs',
    'models data', 'training', 'distributed drawing', 'runs', 'export report', 'commands',
    '__init__ __main__')]
FLOOR = {name: floor for floor, names in enumerate(ORDER) for name in names}


def imports(path):
    """(wing, file within it or '', names) of each import from within the package."""
    package = path.relative_to(PACKAGE.parent).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            assert not (isinstance(node, ast.Import) and node.names[0].name.startswith('gluonbl'))
            continue
        whole = list(package[:len(package) - node.level + 1]) + (
            node.module.split('.') if node.module else [])
        names = [alias.name for alias in node.names]
        if len(whole) == 1:  # from .. import wing
            for name in names:
                yield name, '', []
        else:
            yield whole[1], '.'.join(whole[2:]), names


MODULES = sorted(PACKAGE.rglob('*.py'), key=str)


def wing_of(path):
    return path.relative_to(PACKAGE).parts[0].replace('.py', '')


@pytest.mark.parametrize('path', MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_down_the_wings_and_take_no_private_name(path):
    own = wing_of(path)
    for wing, _, names in imports(path):
        if wing in ('_runtime', '__version__') or wing == own:
            continue
        assert FLOOR[wing] < FLOOR[own], '%s imports %s, which is above it or beside it' % (
            own, wing)
        private = [name for name in names if name.startswith('_') and name != '__version__']
        assert not private, '%s takes %s from %s' % (own, private, wing)


@pytest.mark.parametrize('wing', sorted({wing_of(path) for path in MODULES if path.parent
                                         != PACKAGE}))
def test_no_circle_of_imports_within_a_wing(wing):
    files = {path.stem: path for path in MODULES
             if path.parent == PACKAGE / wing and path.stem != '__init__'}
    below = {name: {file or names[0] for to, file, names in imports(path) if to == wing}
             for name, path in files.items()}
    while below:
        free = [name for name, needs in below.items() if not needs & set(below)]
        assert free, 'these import each other: %s' % ', '.join(sorted(below))
        for name in free:
            del below[name]


def test_the_documents_and_the_packages_docstring_name_every_wing():
    named = (PACKAGE.parent / 'CONTRIBUTING.md').read_text().partition('\n## Find your way\n')[2]
    shown = (PACKAGE / '__init__.py').read_text().partition('from . import')[0]
    for path in sorted(PACKAGE.glob('*/__init__.py')):
        assert '`%s/`' % path.parent.name in named.partition('\n## ')[0]
        assert '`%s`' % path.parent.name in shown or path.parent.name == 'commands'
