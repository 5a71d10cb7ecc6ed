"""The registry of models: a factory for each, and the recipe that the book trains it by."""
import difflib
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

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

    Raises ValueError for an unknown name; the message tells those near it, and all.
    """
    zoo, inner = _zoo_of(name)
    return zoo.get_model(inner, **kwargs) if zoo else _look_up(_factories, name)(**kwargs)


def get_recipe(name):
    """The `Recipe` of the model `name`. Raises ValueError for an unknown name."""
    zoo, inner = _zoo_of(name)
    return zoo.get_recipe(inner) if zoo else _look_up(_recipes, name)


def _zoo_of(name):
    """The `Zoo` that `name` belongs to, or None, and the name within it."""
    prefix, colon, inner = name.partition(':')
    return (_zoos.get(prefix) if colon else None), inner


def _look_up(table, name):
    if name not in table:
        near = difflib.get_close_matches(name, table, n=4)
        near += [known for known in list_models() if name and known not in near and name in known]
        hint = '; near it are ' + ', '.join(near[:4]) if near else ''
        others = ''.join('; names such as %s work too' % zoo.example for zoo in _zoos.values())
        raise ValueError('there is no model %r%s; the models are %s%s'
                         % (name, hint, models_in_words(), others))
    return table[name]
