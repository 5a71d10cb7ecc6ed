"""The registry of models: a factory for each, and the recipe that the book trains it by."""
import inspect
from typing import Any, Callable, Dict, NamedTuple, Optional

from mxnet.gluon import Block

from ..imported import load_object, said_by, spec_of


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

# Of a net that nobody registered: as the book trains its DenseNet, but on images as they are.
UNREGISTERED = Recipe(lr=0.1, batch_size=256, epochs=5, resize=None)


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

    `name` is that of a registered model, or of another library's as 'gluoncv:NAME', or
    'my_package.my_module:my_net', a factory that Python can import.

    Raises ValueError for an unknown name, where the message lists all, for what cannot be
    imported, and for a factory that takes no `num_classes`, fails, or makes something else.
    """
    zoo, inner = _zoo_of(name)
    if zoo:
        return zoo.get_model(inner, **kwargs)
    factory = get_factory(name)
    return factory(**kwargs) if name in _factories else _build(name, factory, kwargs)


def get_recipe(name):
    """The `Recipe` of the model `name`: as it was registered, or else `UNREGISTERED`, SGD with
    learning rate 0.1 on batches of 256, 5 epochs, images as they are. Errors: as `get_model`."""
    zoo, inner = _zoo_of(name)
    if zoo:
        return zoo.get_recipe(inner)
    factory = get_factory(name)
    own = [known for known in _factories if known == name or _factories[known] is factory]
    return _recipes[own[0]] if own else UNREGISTERED


def get_factory(name):
    """The function that makes the model `name`; None for another library's. As `get_model`."""
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
    if not callable(model) or isinstance(model, Block):
        raise ValueError('the model is %s, but must be a name, or a function that takes '
                         'num_classes and returns a net%s' % (type(model).__name__, (
                             ': a net that is made already cannot be made again'
                             if isinstance(model, Block) else '')))
    own = [name for name, factory in _factories.items() if factory is model]
    return own[0] if own else spec_of(model, 'the model')


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
    prefix, colon, inner = name.partition(':')
    return (_zoos.get(prefix) if colon else None), inner


def _look_up(table, name):
    if name not in table:
        examples = [zoo.example for zoo in _zoos.values()] + ['my_module:my_net']
        raise ValueError('there is no model %r; the models are: %s; names such as %s work too'
                         % (name, ', '.join(list_models()), ', '.join(examples)))
    return table[name]
