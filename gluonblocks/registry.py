"""Look up models and data sets by name, whether they are registered or the user's own.

Users write 'name' for a registered entry, 'prefix:name' for a member of a family such as GluonCV's
models, or 'module:name' for an object that is imported as in `from module import name`.
"""
import contextlib
import difflib
import hashlib
import importlib
import os
import re
import sys
import traceback
from typing import Any, Callable, Dict

from .files import read_file

_SPEC = re.compile(r'[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*')
_MAX_BYTES = 2 ** 24  # maximum size of a source file
_digests: Dict[str, Any] = {}  # module name -> (its spec, the SHA-256 of its file)


class Registry:
    """A table of named entries of one kind, such as models.

    An entry is a NamedTuple. It has a field `name`, and a field that contains a function; the
    argument `function` is the name of that field. Error messages call an entry a `kind`, such as
    'data set', and show `example`, a name such as 'my_module:load'. `wrap(name, function)` returns
    an entry for an unregistered function, or raises ValueError if the function is unsuitable.
    `in_words()` returns the registered names as text for messages; by default, they are sorted.
    """

    def __init__(self, kind, function, example, wrap, in_words=None):
        self.kind, self._function, self._wrap = kind, function, wrap
        self.entries: Dict[str, Any] = {}
        self._prefixes: Dict[str, Callable[[str], Any]] = {}
        self._examples = [example]
        self._in_words = in_words or (lambda: ', '.join(sorted(self.entries)))

    def add(self, entry):
        """Register `entry`, which replaces an earlier definition of the same function.

        Rerunning a notebook cell or reloading a module redefines a function. Raises ValueError if
        the name is registered for another function.
        """
        before = self.entries.get(entry.name)
        if before and self._origin(before) != self._origin(entry):
            raise ValueError('a %s named %r is already registered' % (self.kind, entry.name))
        self.entries[entry.name] = entry

    def _origin(self, entry):
        function = getattr(entry, self._function)
        return getattr(function, '__module__', None), getattr(function, '__qualname__', function)

    def add_prefix(self, prefix, look_up, example):
        """Make `find` call `look_up(rest)` for names of the form 'prefix:rest'.

        Messages show `example` as an example of such a name.
        """
        self._prefixes[prefix] = look_up
        self._examples.insert(0, example)

    def has_prefix(self, name):
        """Return True if `name` is 'prefix:rest' with a registered prefix."""
        prefix, _, rest = name.partition(':')
        return bool(rest) and prefix in self._prefixes

    def has_form(self, name):
        """Return True if `name` is registered, has a registered prefix, or is a 'module:name'."""
        return name in self.entries or self.has_prefix(name) or is_spec(name)

    def find(self, name):
        """Return the entry for a name or a function.

        If 'module:name' refers to a registered function, the returned entry is named 'module:name'.
        Raises ValueError if the import fails, or if the name is unknown; the message then lists
        similar names or, if there are none, all names.
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
        close = similar_names(name, self.entries)
        raise ValueError('unknown %s %r%s Names such as %s also work' % (
            self.kind, name, ': did you mean %s?' % ' or '.join(close) if close else
            '. Available %ss: %s.' % (self.kind, self._in_words()), ' and '.join(self._examples)))

    def name_of(self, function):
        """Return the registered name of a function, or else its 'module:name'.

        Raises ValueError for an unregistered function that cannot be imported by name.
        """
        entry = self._registered(function)
        return entry.name if entry else spec_of(function, 'the ' + self.kind)

    def _registered(self, function):
        return next((entry for entry in self.entries.values()
                     if getattr(entry, self._function) is function), None)


def similar_names(name, known):
    """Return up to four names from `known` that resemble or contain `name`."""
    found = difflib.get_close_matches(name, known, n=4)
    return (found + [other for other in known
                     if name and name in other and other not in found])[:4]


def is_spec(text):
    """Return True if `text` is 'MODULE:NAME', with valid Python names."""
    return _SPEC.fullmatch(text) is not None


def load_object(spec, kind):
    """Import and return the object 'MODULE:NAME', which error messages call `kind`.

    On failure, raises a ValueError that states the cause, where Python searched, and what to do.
    """
    if not is_spec(spec):
        raise ValueError("%s must be MODULE:NAME, such as 'my_module:my_function' for "
                         "'from my_module import my_function', got %r" % (kind, spec))
    name, _, attribute = spec.partition(':')
    importlib.invalidate_caches()  # the file may be new
    try:
        found = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name + '.').startswith(error.name + '.'):
            raise ValueError(
                '%s %s cannot be imported: Python found no module %r among the installed packages '
                'or in the folders in PYTHONPATH. Run from the folder that contains it, '
                'or add that folder to PYTHONPATH' % (kind, spec, error.name))
        raise ValueError('%s %s cannot be imported: its module needs %s, which is not installed'
                         % (kind, spec, error.name or error))
    except (Exception, SystemExit) as error:  # the import runs the module, which may exit
        raise ValueError('%s %s cannot be imported: %s' % (kind, spec, message_of(error)))
    _digest_of(name)
    for part in attribute.split('.'):
        if not hasattr(found, part):
            known = [other for other, value in sorted(getattr(found, '__dict__', {}).items())
                     if callable(value) and not other.startswith('_')]
            file = getattr(sys.modules[name], '__file__', 'no file')
            raise ValueError('%s %s cannot be imported: %s, which was imported from %s, has no %r; '
                             'it has %s'
                             % (kind, spec, name, file, part, ', '.join(known[:20])))
        found = getattr(found, part)
    return found


def spec_of(function, kind):
    """Return 'MODULE:NAME', from which another process can import `function`.

    Raises ValueError if another process cannot import it, for example because it is a lambda, or
    because it is defined in the running script or notebook.
    """
    module, name = getattr(function, '__module__', ''), getattr(function, '__qualname__', '<>')
    problem = '%s is %r, which another process cannot import' % (kind, function)
    if module == '__main__' and '<' not in name:
        raise ValueError('%s, because it is defined in the running script or notebook. Move the '
                         'function to a separate file, such as my_module.py, and pass my_module.%s'
                         % (problem, name))
    spec = '%s:%s' % (module, name)
    if '<' in name or load_object(spec, kind) is not function:
        raise ValueError('%s: pass a function defined with def at module level, not a lambda, '
                         'a partial or a nested function' % problem)
    return spec


def source_of(spec):
    """Return the origin of an imported 'MODULE:NAME' as a dict of strings.

    The keys are `module`, `name`, `file` (the path of the source file) and `sha256` (of this file
    when it was imported). The last two values are empty if the module has no source file.
    """
    name, _, attribute = spec.partition(':')
    digest = _digest_of(name)
    path = sys.modules[name].__file__ if digest else ''
    return {'module': name, 'name': attribute, 'file': os.path.abspath(path) if path else '',
            'sha256': digest}


def _digest_of(name):
    """Return the SHA-256 of an imported module's source file, or '' if it has none.

    The file is read once after each import or reload. If the file is edited later, for example
    while a notebook is open, Python still runs the imported code.
    """
    module = sys.modules[name]
    imported, path = getattr(module, '__spec__', None) or module, getattr(module, '__file__', None)
    if name not in _digests or _digests[name][0] is not imported:
        _digests[name] = imported, ''
        with contextlib.suppress(OSError):
            if path:
                _digests[name] = imported, hashlib.sha256(read_file(path, _MAX_BYTES)).hexdigest()
    return _digests[name][1]


def import_folder(source):
    """Return the folder that must be on `sys.path` to import `source`, or '' if it has no file."""
    if not source['file']:
        return ''
    folder, file = os.path.split(source['file'])
    for _ in range(source['module'].count('.') + (file == '__init__.py')):
        folder = os.path.dirname(folder)
    return folder


def message_of(error):
    """Return a message that describes an exception in a user's code and where it was raised."""
    if isinstance(error, SyntaxError):
        where = '%s, line %s' % (error.filename, error.lineno)
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__)
                  if 'importlib' not in frame.filename and frame.filename != __file__]
        where = '%s, line %s' % (frames[-1].filename, frames[-1].lineno) if frames else 'no line'
    text = str(error).strip().splitlines()
    return '%s%s (%s)' % (type(error).__name__, ': ' + text[-1] if text else '', where)
