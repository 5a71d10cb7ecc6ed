"""Code of others by name: 'my_package.my_module:my_net'."""
import hashlib
import importlib
import inspect
import os
import re
import sys
import traceback

from .files import DamagedFile, read_file

_SPEC = re.compile(r'[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*')
_MAX_BYTES = 2 ** 24  # of a file of source


def is_spec(text):
    """Whether `text` is of the form 'MODULE:NAME', both of them names as Python has them."""
    return _SPEC.fullmatch(text) is not None


def load_object(spec, kind):
    """What 'MODULE:NAME' names, imported by the path that Python has; `kind` is for messages.

    Raises ValueError that says what went wrong, where it was looked for, and what to do.
    """
    if not is_spec(spec):
        raise ValueError("%s is %r, but must be MODULE:NAME, as 'my_module:my_function' for what "
                         "'from my_module import my_function' gives" % (kind, spec))
    name, _, attribute = spec.partition(':')
    importlib.invalidate_caches()  # the file may have been written a moment ago
    try:
        found = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name + '.').startswith(error.name + '.'):
            raise ValueError(
                '%s %s cannot be imported: Python finds no module %r, neither installed nor in the '
                'folders of PYTHONPATH%s. Run from the folder that holds it, or name that folder '
                'in PYTHONPATH' % (kind, spec, error.name, ' nor in %s' % here() if here() else ''))
        raise ValueError('%s %s cannot be imported: its module needs %s, which is not installed'
                         % (kind, spec, error.name or error))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module runs as it is imported, and may do anything, or exit
        raise ValueError('%s %s cannot be imported: %s' % (kind, spec, said_by(error)))
    for part in attribute.split('.'):
        if not hasattr(found, part):
            near = [other for other in sorted(vars(found)) if callable(getattr(found, other))
                    and not other.startswith('_')] if inspect.ismodule(found) else []
            raise ValueError('%s %s cannot be imported: %s, which was imported from %s, has no '
                             '%r%s' % (kind, spec, name, getattr(found, '__file__', 'no file'),
                                       part, '; it has %s' % ', '.join(near[:20]) if near else ''))
        found = getattr(found, part)
    return found


def spec_of(function, kind):
    """'MODULE:NAME', by which another process can import `function`.

    Raises ValueError where there is none, as for a lambda and for what a script or a notebook
    itself defines.
    """
    module = getattr(function, '__module__', None)
    name = getattr(function, '__qualname__', None)
    said = '%s is %r, which another process cannot import' % (kind, function)
    if not module or not name or '<' in name:
        raise ValueError('%s: give a function that a module defines by name (def), no lambda, '
                         'partial or function within a function' % said)
    if module == '__main__':
        raise ValueError('%s: the program that runs defines it itself. Put it into a file of its '
                         'own, as my_module.py, and give my_module.%s' % (said, name))
    spec = '%s:%s' % (module, name)
    if load_object(spec, kind) is not function:
        raise ValueError('%s: %s is something else' % (said, spec))
    return spec


def source_of(spec):
    """Where the imported module of 'MODULE:NAME' came from: a dict of text for a run's record.

    It has `module`, `name`, `file` and `sha256`, that of the file's content; the last two are
    empty for a module that has no file of source.
    """
    name, _, attribute = spec.partition(':')
    path, digest = getattr(sys.modules[name], '__file__', None) or '', ''
    try:
        digest = hashlib.sha256(read_file(path, _MAX_BYTES)).hexdigest() if path else ''
    except (OSError, DamagedFile):
        path = ''
    return {'module': name, 'name': attribute, 'file': os.path.abspath(path) if path else '',
            'sha256': digest}


def import_folder(source):
    """The folder that has to be on Python's path for the module of a `source_of`, or ''."""
    if not source['file']:
        return ''
    folder, file = os.path.split(source['file'])
    depth = source['module'].count('.') + (file == '__init__.py')
    for _ in range(depth):
        folder = os.path.dirname(folder)
    return folder


def said_by(error):
    """What an exception of somebody else's code says, and the line that raised it."""
    if isinstance(error, SyntaxError):
        where = '%s, line %s' % (error.filename, error.lineno)
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__)
                  if 'importlib' not in frame.filename and frame.filename != __file__]
        where = '%s, line %s' % (frames[-1].filename, frames[-1].lineno) if frames else 'no line'
    text = str(error).strip().splitlines()
    return '%s%s (%s)' % (type(error).__name__, ': ' + text[-1] if text else '', where)


def here():
    """The folder that the process is in, where it is on Python's path, or ''."""
    try:
        folder = os.getcwd()
    except OSError:  # it was removed
        return ''
    return folder if folder in sys.path or '' in sys.path else ''
