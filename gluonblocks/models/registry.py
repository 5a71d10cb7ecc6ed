"""The registry of models: a factory for each, and the recipe that the book trains it by."""
from typing import Any, Callable, Dict, NamedTuple, Optional


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
_zoos: Dict[str, Zoo] = {}


def register(lr, batch_size=256, epochs=5, resize=None):
    """A decorator that registers a factory of nets under its own name, beside its `Recipe`.

    The factory takes at least `num_classes` and returns a new, uninitialized net, (N, C, H, W) ->
    (N, num_classes). Raises ValueError for a name that is registered already.
    """
    def add(factory):
        name = factory.__name__
        if name in _factories:
            raise ValueError('a model named %r is registered already' % name)
        _factories[name] = factory
        _recipes[name] = Recipe(lr, batch_size, epochs, resize)
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


def list_models():
    """The names of all models registered by `register`, sorted; without other libraries' models."""
    return sorted(_factories)


def get_model(name, **kwargs):
    """A new, uninitialized net by the model's name; `kwargs`, as num_classes=10, go to its factory.

    Raises ValueError for an unknown name; the message lists all.
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
        others = ''.join('; names such as %s work too' % zoo.example for zoo in _zoos.values())
        raise ValueError('there is no model %r; the models are: %s%s'
                         % (name, ', '.join(list_models()), others))
    return table[name]
