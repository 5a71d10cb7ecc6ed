"""The registry of models: a factory for each, and beside it the recipe the book trains it with."""
import collections

Recipe = collections.namedtuple('Recipe', 'lr batch_size epochs resize')
Recipe.__doc__ = """How the book trains a model: SGD with learning rate `lr` on batches of
`batch_size`, `epochs` times over the data, images resized to `resize` pixels (None: as they
are), weights initialized by Xavier."""

_factories = {}
_recipes = {}
_zoos = {}

Zoo = collections.namedtuple('Zoo', 'get_model get_recipe example')


def register(lr, batch_size=256, epochs=5, resize=None):
    """Decorate a factory: its name becomes the model's. A name taken twice is a ValueError."""
    def add(factory):
        name = factory.__name__
        if name in _factories:
            raise ValueError('a model named %r is registered already' % name)
        _factories[name] = factory
        _recipes[name] = Recipe(lr, batch_size, epochs, resize)
        return factory
    return add


def register_zoo(prefix, get_model, get_recipe, example):
    """Have the names 'prefix:NAME' looked up by `get_model(NAME, **kwargs)`, `get_recipe(NAME)`.

    For libraries of models. Both raise ValueError for a NAME that they do not know; `example` is
    one of the names, for messages. A prefix taken twice is a ValueError.
    """
    if prefix in _zoos:
        raise ValueError('models named %s:... are registered already' % prefix)
    _zoos[prefix] = Zoo(get_model, get_recipe, example)


def list_models():
    """The names of all models that are made here, sorted; those of other libraries are not."""
    return sorted(_factories)


def get_model(name, **kwargs):
    """A new, uninitialized net by its name; `kwargs` go to its factory, as `num_classes=10`.

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
