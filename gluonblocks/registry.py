"""Models and data sets by name: registered ones, and other people's code.

A name is 'name', 'prefix:name', of a family such as GluonCV's models, or 'module:name', what
`from module import name` gives.
"""
import difflib
import hashlib
import importlib
import os
import re
import sys
import traceback
from typing import Any, Callable, Dict

from .files import DamagedFile, read_file

_SPEC = re.compile(r'[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*')
_MAX_BYTES = 2 ** 24  # of a file of source


class Registry:
    """Entries of one kind by name; an entry is a NamedTuple with a `name` and a function.

    `kind` is the word for an entry in messages, `function` the name of the field with its function,
    and `example` a name 'module:name', for messages. `wrap(name, function)` returns the entry of a
    function that nobody registered; it raises ValueError for one that cannot be such a function.
    `in_words()` lists the registered names for people; by default they are sorted.
    """

    def __init__(self, kind, function, example, wrap, in_words=None):
        self.kind, self._function, self._wrap = kind, function, wrap
        self.entries: Dict[str, Any] = {}
        self._prefixes: Dict[str, Callable[[str], Any]] = {}
        self._examples = [example]
        self._in_words = in_words or (lambda: ', '.join(sorted(self.entries)))

    def add(self, entry):
        """Register `entry`. Raises ValueError for a name that is registered already."""
        if entry.name in self.entries:
            raise ValueError('a %s named %r is registered already' % (self.kind, entry.name))
        self.entries[entry.name] = entry

    def add_prefix(self, prefix, look_up, example):
        """Have `look_up(rest)` return the entries of the names 'prefix:rest', such as `example`."""
        self._prefixes[prefix] = look_up
        self._examples.insert(0, example)

    def has_prefix(self, name):
        """Return True if `name` is 'prefix:rest' with a registered prefix."""
        prefix, _, rest = name.partition(':')
        return bool(rest) and prefix in self._prefixes

    def has_form(self, name):
        """Return True if `name` is registered, or has one of the other two forms."""
        return name in self.entries or self.has_prefix(name) or is_spec(name)

    def find(self, name):
        """Return the entry of a name, or of a function.

        A function that is registered has its entry under any name. Raises ValueError for an unknown
        name, with those near it and all, and for what cannot be imported.
        """
        if not isinstance(name, str):
            return self._registered(name) or self._wrap(name, name)
        if name in self.entries:
            return self.entries[name]
        prefix, colon, rest = name.partition(':')
        if colon and prefix in self._prefixes:
            return self._prefixes[prefix](rest)
        if colon:
            function = load_object(name, 'the ' + self.kind)
            entry = self._registered(function)
            return entry._replace(name=name) if entry else self._wrap(name, function)
        close = near(name, self.entries)
        raise ValueError('there is no %s %r%s; the %ss are %s; names such as %s work too' % (
            self.kind, name, '; near it are ' + ', '.join(close) if close else '', self.kind,
            self._in_words(), ', '.join(self._examples)))

    def name_of(self, function):
        """Return the name of a function: the registered one, or else 'module:name'.

        Raises ValueError for a function that is not registered and that no module defines.
        """
        entry = self._registered(function)
        return entry.name if entry else spec_of(function, 'the ' + self.kind)

    def _registered(self, function):
        return next((entry for entry in self.entries.values()
                     if getattr(entry, self._function) is function), None)


def near(name, known):
    """Return up to four of the names `known` that are spelled like `name` or contain it."""
    found = difflib.get_close_matches(name, known, n=4)
    return (found + [other for other in known
                     if name and name in other and other not in found])[:4]


def is_spec(text):
    """Return True if `text` is 'MODULE:NAME', both of them names in Python."""
    return _SPEC.fullmatch(text) is not None


def load_object(spec, kind):
    """Import and return what 'MODULE:NAME' names; `kind` is the word for it in messages.

    Raises ValueError that says what went wrong, where Python looked for it, and what to do.
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
                'folders of PYTHONPATH. Run from the folder that holds it, or name that folder in '
                'PYTHONPATH' % (kind, spec, error.name))
        raise ValueError('%s %s cannot be imported: its module needs %s, which is not installed'
                         % (kind, spec, error.name or error))
    except (Exception, SystemExit) as error:  # a module runs as it is imported, and may exit
        raise ValueError('%s %s cannot be imported: %s' % (kind, spec, said_by(error)))
    for part in attribute.split('.'):
        if not hasattr(found, part):
            known = [other for other, value in sorted(getattr(found, '__dict__', {}).items())
                     if callable(value) and not other.startswith('_')]
            file = getattr(sys.modules[name], '__file__', 'no file')
            raise ValueError('%s %s cannot be imported: %s, which was imported from %s, has no %r; '
                             'it has %s' % (kind, spec, name, file, part, ', '.join(known[:20])))
        found = getattr(found, part)
    return found


def spec_of(function, kind):
    """Return 'MODULE:NAME', by which another process can import `function`.

    Raises ValueError if there is none, as for a lambda and for a function that a script or a
    notebook itself defines.
    """
    module, name = getattr(function, '__module__', ''), getattr(function, '__qualname__', '<>')
    said = '%s is %r, which another process cannot import' % (kind, function)
    if module == '__main__' and '<' not in name:
        raise ValueError('%s: the program that runs defines it itself. Put it into a file of its '
                         'own, as my_module.py, and give my_module.%s' % (said, name))
    spec = '%s:%s' % (module, name)
    if '<' in name or load_object(spec, kind) is not function:
        raise ValueError('%s: give a function that a module defines by name (def), no lambda, '
                         'partial or function within a function' % said)
    return spec


def source_of(spec):
    """Return where the imported module of 'MODULE:NAME' came from: a dict of strings.

    It has `module`, `name`, `file` and `sha256`, that of the file's content; the last two are
    empty for a module without a source file.
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
    """Return the folder that must be on `sys.path` for the module of a `source_of`, or ''."""
    if not source['file']:
        return ''
    folder, file = os.path.split(source['file'])
    for _ in range(source['module'].count('.') + (file == '__init__.py')):
        folder = os.path.dirname(folder)
    return folder


def said_by(error):
    """Return the message of an exception of other people's code, and the line that raised it."""
    if isinstance(error, SyntaxError):
        where = '%s, line %s' % (error.filename, error.lineno)
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__)
                  if 'importlib' not in frame.filename and frame.filename != __file__]
        where = '%s, line %s' % (frames[-1].filename, frames[-1].lineno) if frames else 'no line'
    text = str(error).strip().splitlines()
    return '%s%s (%s)' % (type(error).__name__, ': ' + text[-1] if text else '', where)
