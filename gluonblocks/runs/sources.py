"""Where the model and the data set of a run came from, if they are not this package's own."""
from ..data.datasets import OF_PICTURES, get_dataset, is_registered
from ..models.registry import get_factory, list_models
from ..registry import import_folder, load_object, source_of
from ..training.progress import tell

KINDS = ('model', 'dataset')
_WORDS = {'model': 'model', 'dataset': 'data set'}
_KEYS = {'module', 'name', 'file', 'sha256'}


def sources_of(model, dataset):
    """For config.json: of the model and the data set by these names a `source_of`, or {} where it
    is of this package or of GluonCV.

    One that is registered has it too, so that it is found where nobody has registered it yet. Of
    what a script itself registers there is no sha256: the same script may go on.
    """
    return {'model': _source(model, get_factory(model)),
            'dataset': {} if dataset.startswith(OF_PICTURES) else _source(
                dataset, get_dataset(dataset).load)}


def is_sources(value):
    """Whether `value` can be what `sources_of` gives."""
    return isinstance(value, dict) and set(value) == set(KINDS) and all(
        isinstance(one, dict) and (not one or set(one) == _KEYS and all(
            isinstance(text, str) for text in one.values())) for one in value.values())


def recall(folder, config, kinds=KINDS):
    """Import what the run in `folder` needs of others' code, so that its names are known.

    A file that is another now is told on stderr. Raises ValueError where it cannot be imported:
    which module, where it was, and what to do.
    """
    for kind in kinds:
        source = config['sources'][kind]
        if not source:
            continue
        name = config[kind]
        known = name in list_models() if kind == 'model' else is_registered(name)
        if not known and source['module'] == '__main__':
            raise ValueError('%s: its %s %s was registered by the program %s itself: go on from '
                             'that program, or put it into a module' % (
                                 folder, _WORDS[kind], name, source['file'] or 'that trained it'))
        if not known:
            try:
                load_object('%(module)s:%(name)s' % source, 'its ' + _WORDS[kind])
            except ValueError as error:
                raise ValueError('%s: %s%s' % (folder, error, _where(source)))
            now = source_of('%(module)s:%(name)s' % source)
            if now['sha256'] != source['sha256']:
                tell('note: %s is not as it was when %s was trained; its %s may be another now'
                     % (now['file'] or source['module'], folder, _WORDS[kind]))


def differences(before, now):
    """How the sources of two configs differ, in words: a list."""
    said = []
    for kind in KINDS:
        a, b = before[kind], now[kind]
        if {name: a.get(name) for name in ('module', 'name')} != {
                name: b.get(name) for name in ('module', 'name')}:
            said.append('%s from %s there, from %s here' % (_WORDS[kind], *(
                '%(module)s:%(name)s' % one if one else 'gluonblocks' for one in (a, b))))
        elif a.get('sha256') != b.get('sha256'):
            said.append('%s of the %s has changed (SHA-256 %.12s there, %.12s here): put back the '
                        'file that the run began with' % (b['file'], _WORDS[kind], a['sha256'],
                                                          b['sha256']))
    return said


def _source(name, function):
    if function is None:
        return {}
    spec = name
    if ':' not in name:
        if not getattr(function, '__qualname__', ''):  # as of a partial, which tells nothing
            return {}
        spec = '%s:%s' % (function.__module__, function.__qualname__)
    if spec.startswith(('gluonblocks.', 'gluonblocks:')):
        return {}
    source = source_of(spec)
    return dict(source, sha256='') if source['module'] == '__main__' else source


def _where(source):
    if not source['file']:
        return ''
    return '. The run was made with %s: its folder for Python is %s' % (
        source['file'], import_folder(source))
