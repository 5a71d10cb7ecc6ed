"""The registry of models: a factory for each, and the recipe that the book trains it by."""
import difflib
import inspect
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from mxnet.gluon import Block

from ..imported import load_object, said_by, spec_of

# Whose the models are, in the order that they are listed in. The book's come first.
BOOK, EXERCISES, PAPERS, OTHERS = 'book', 'exercises', 'papers', 'others'
GROUPS = {BOOK: "the book's", EXERCISES: 'for its exercises', PAPERS: "the papers'",
          OTHERS: 'others'}


class Recipe(NamedTuple):
    """How the book trains a model: by SGD, its weights initialized by Xavier.

    `lr` is the learning rate, `batch_size` the images in a batch, `epochs` how many times it goes
    over the data, and `resize` the side in pixels that images are resized to (None: they stay as
    they are).
    """

    lr: float
    batch_size: int
    epochs: int
    resize: Optional[int]


class Zoo(NamedTuple):
    """Another library's models, under names 'prefix:NAME': what `register_zoo` was given."""

    get_model: Callable[..., Any]
    get_recipe: Callable[[str], Recipe]
    example: str


_factories: Dict[str, Callable[..., Any]] = {}
_recipes: Dict[str, Recipe] = {}
_groups: Dict[str, str] = {}
_zoos: Dict[str, Zoo] = {}

# Of a net that nobody registered: as the book trains its DenseNet, but on images as they are.
UNREGISTERED = Recipe(lr=0.1, batch_size=256, epochs=5, resize=None)


def register(lr, batch_size=256, epochs=5, resize=None, name=None, group=OTHERS):
    """A decorator that registers a factory of nets beside its `Recipe`.

    The model has the name of the factory, or `name`; `group`, one of `GROUPS`, says what models it
    is listed with. The factory takes at least `num_classes` and returns a new, uninitialized net,
    (N, C, H, W) -> (N, num_classes).

    Raises ValueError for a name that is registered already, and for a group that is none.
    """
    if group not in GROUPS:
        raise ValueError('group is %r, but must be one of %s' % (group, ', '.join(GROUPS)))

    def add(factory):
        model = factory.__name__ if name is None else name
        if model in _factories:
            raise ValueError('a model named %r is registered already' % model)
        _factories[model] = factory
        _recipes[model] = Recipe(lr, batch_size, epochs, resize)
        _groups[model] = group
        return factory
    return add


def register_zoo(prefix, get_model, get_recipe, example):
    """Register another library's models: names 'prefix:NAME' go to these functions, without prefix.

    `get_model(NAME, **kwargs)` returns a net and `get_recipe(NAME)` its `Recipe`; both raise
    ValueError for a NAME that they do not know. `example` is one of the names, for messages.
    Raises ValueError for a prefix that is registered already.
    """
    if prefix in _zoos:
        raise ValueError('models named %s:... are registered already' % prefix)
    _zoos[prefix] = Zoo(get_model, get_recipe, example)


def list_models(group=None):
    """The names of all models registered by `register`; without other libraries' models.

    The book's come first, then those of its exercises, of the papers, and others: `GROUPS`. Within
    a group they are sorted. With `group`, only those of it. Raises ValueError for one that is none.
    """
    if group is not None and group not in GROUPS:
        raise ValueError('group is %r, but must be one of %s' % (group, ', '.join(GROUPS)))
    order = list(GROUPS)
    names = [name for name in _factories if group in (None, _groups[name])]
    return sorted(names, key=lambda name: (order.index(_groups[name]), name))


def models_in_words():
    """The names of all models by group, in one line of text for people.

    Names that differ in one number only are told together: net(18|34|50).
    """
    told = ['%s: %s' % (words, ', '.join(_together(list_models(group))))
            for group, words in GROUPS.items() if list_models(group)]
    return '; '.join(told)


def _together(names):
    """`names`, those that differ in their first number only told as one."""
    families: Dict[Tuple[Any, ...], List[str]] = {}
    for name in names:
        head, number, tail = (re.split(r'(\d+)', name, maxsplit=1) + ['', ''])[:3]
        families.setdefault((head, tail, bool(number)), []).append(number)
    return ['%s(%s)%s' % (head, '|'.join(sorted(numbers, key=int)), tail) if len(numbers) > 1
            else head + numbers[0] + tail for (head, tail, _), numbers in families.items()]


def get_model(name, **kwargs):
    """A new, uninitialized net by the model's name; `kwargs`, as num_classes=10, go to its factory.

    `name` is that of a registered model, or of another library's as 'gluoncv:NAME', or
    'my_package.my_module:my_net', a factory that Python can import. The factory itself will do.

    Raises ValueError for an unknown name, where the message tells those near it and all, for what
    cannot be imported, and for a factory that takes no `num_classes`, fails, or makes something
    else.
    """
    zoo, inner = _zoo_of(name)
    if zoo:
        return zoo.get_model(inner, **kwargs)
    factory = get_factory(name)
    return factory(**kwargs) if name in _factories else _build(name, factory, kwargs)


def get_recipe(name):
    """The `Recipe` of the model `name`, or of a factory: as it was registered, or else
    `UNREGISTERED`, SGD with learning rate 0.1 on batches of 256, 5 epochs, images as they are.

    Raises as `get_model` does.
    """
    zoo, inner = _zoo_of(name)
    if zoo:
        return zoo.get_recipe(inner)
    factory = get_factory(name)
    own = [known for known in _factories if known == name or _factories[known] is factory]
    return _recipes[own[0]] if own else UNREGISTERED


def get_factory(name):
    """The function that makes the model `name`; None for another library's. As `get_model`."""
    if not isinstance(name, str):
        return _check_factory(name)
    if _zoo_of(name)[0]:
        return None
    if ':' not in name:
        return _look_up(_factories, name)
    factory = load_object(name, 'the model')
    if not callable(factory):
        raise ValueError('the model %s is %r, but must be a function that takes num_classes and '
                         'returns a net' % (name, factory))
    return factory


def name_of(model):
    """The name of a model that is given by its name or by its factory.

    Raises ValueError for a factory that is not registered and cannot be imported by a name.
    """
    if isinstance(model, str):
        return model
    _check_factory(model)
    own = [name for name, factory in _factories.items() if factory is model]
    return own[0] if own else spec_of(model, 'the model')


def _check_factory(model):
    """Return `model`; raise ValueError unless it can be the factory of a net."""
    if not callable(model) or isinstance(model, Block):
        raise ValueError('the model is %s, but must be a name, or a function that takes '
                         'num_classes and returns a net%s' % (type(model).__name__, (
                             ': a net that is made already cannot be made again'
                             if isinstance(model, Block) else '')))
    return model


def _build(name, factory, kwargs):
    """The net of a factory that was imported by its name, checked."""
    try:
        inspect.signature(factory).bind(**kwargs)
    except TypeError as error:
        raise ValueError('the model %s cannot be made with %s: %s. A factory takes num_classes, as '
                         'def my_net(num_classes=10)' % (name, ', '.join(sorted(kwargs)), error))
    except ValueError:  # of a function in C, which does not tell
        pass
    try:
        net = factory(**kwargs)
    except Exception as error:  # somebody else's code
        raise ValueError('the model %s cannot be made: %s' % (name, said_by(error)))
    if not isinstance(net, Block):
        raise ValueError('the model %s makes a %s, but must make a net, a Block of mxnet.gluon'
                         % (name, type(net).__name__))
    if not net.collect_params().keys():
        raise ValueError('the model %s makes a net without parameters, so nothing can be learned: '
                         'Gluon knows the layers that are attributes of a Block, or were given to '
                         'add() of a Sequential, and none in a list' % name)
    return net


def _zoo_of(name):
    """The `Zoo` that `name` belongs to, or None, and the name within it."""
    if not isinstance(name, str):
        return None, name
    prefix, colon, inner = name.partition(':')
    return (_zoos.get(prefix) if colon else None), inner


def _look_up(table, name):
    if name not in table:
        near = difflib.get_close_matches(name, table, n=4)
        near += [known for known in list_models() if name and known not in near and name in known]
        hint = '; near it are ' + ', '.join(near[:4]) if near else ''
        examples = [zoo.example for zoo in _zoos.values()] + ['my_module:my_net']
        raise ValueError('there is no model %r%s; the models are %s; names such as %s work too'
                         % (name, hint, models_in_words(), ', '.join(examples)))
    return table[name]
