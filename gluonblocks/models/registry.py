"""The registry of models: the factory of each net and its training recipe."""
import functools
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from mxnet.gluon import Block

from ..registry import Registry, message_of

# Model groups in display order, with the names that messages use for them.
BOOK, EXERCISES, PAPERS, OTHERS = 'book', 'exercises', 'papers', 'others'
GROUPS = {BOOK: 'from the book', EXERCISES: 'for its exercises', PAPERS: 'from the papers',
          OTHERS: 'others'}


class Recipe(NamedTuple):
    """The settings for training a model with SGD, as in the book, from Xavier-initialized weights.

    `lr` is the learning rate, `epochs` the number of passes over the data, and `resize` the height
    and width in pixels to which images are resized (None leaves them unchanged).
    """

    lr: float
    batch_size: int
    epochs: int
    resize: Optional[int]


class Model(NamedTuple):
    """A model; `factory(num_classes=10)` returns a net: (N, C, H, W) -> (N, num_classes)."""

    name: str
    factory: Callable[..., Any]
    recipe: Recipe
    group: str = OTHERS


# Nets that are not registered use the recipe of the book's DenseNet, but without resizing.
UNREGISTERED = Recipe(lr=0.1, batch_size=256, epochs=5, resize=None)


def register(lr, batch_size=256, epochs=5, resize=None, name=None, group=OTHERS):
    """Return a decorator that registers a factory of nets together with its `Recipe`.

    `name` is the name of the model and defaults to the name of the factory. The model is listed
    under `group`: 'book', 'exercises', 'papers' or 'others'. The factory must accept `num_classes`
    and return a new, uninitialized net: (N, C, H, W) -> (N, num_classes).

    Raises ValueError if the name is registered for another function, or the group is unknown.
    """
    _check_group(group)

    def add(factory):
        MODELS.add(Model(factory.__name__ if name is None else name, factory,
                         Recipe(lr, batch_size, epochs, resize), group))
        return factory
    return add


def list_models(group=None):
    """Return the names of all registered models, or only those of `group`.

    The groups appear in the order 'book', 'exercises', 'papers', 'others', and the names in each
    group are sorted. Raises ValueError for an unknown group.
    """
    if group is not None:
        _check_group(group)
    return [name for kind in GROUPS if group in (None, kind)
            for name in sorted(MODELS.entries) if MODELS.entries[name].group == kind]


def models_in_words():
    """Return the names of all models by group, as one line of text for messages.

    Names that differ only in their first number are combined: net(18|34|50).
    """
    return '; '.join('%s: %s' % (words, ', '.join(_combined(list_models(group))))
                     for group, words in GROUPS.items() if list_models(group))


def _combined(names):
    families: Dict[Tuple[Any, ...], List[str]] = {}
    for name in names:
        head, number, tail = (re.split(r'(\d+)', name, maxsplit=1) + ['', ''])[:3]
        families.setdefault((head, tail, bool(number)), []).append(number)
    return ['%s(%s)%s' % (head, '|'.join(sorted(numbers, key=int)), tail) if len(numbers) > 1
            else head + numbers[0] + tail for (head, tail, _), numbers in families.items()]


def get_model(name, **kwargs):
    """Return a new, uninitialized net; pass `kwargs`, such as num_classes=10, to its factory.

    `name` is the name of a registered model, 'gluoncv:NAME' for a GluonCV model, the import path of
    a factory, such as 'my_package.my_module:my_net', or a factory itself.

    Raises ValueError if the name is unknown, if the import fails, or if the factory rejects
    `num_classes`, fails, or does not return a net.
    """
    return MODELS.find(name).factory(**kwargs)


def get_recipe(name):
    """Return the `Recipe` of a model; `name` can be anything that `get_model` accepts.

    The recipe of an unregistered factory is `UNREGISTERED`: learning rate 0.1, batch size 256,
    5 epochs, images not resized. Raises ValueError for a name that `get_model` rejects.
    """
    return MODELS.find(name).recipe


def get_factory(name):
    """Return the factory of the model `name` (see `get_model`), or None for a GluonCV model."""
    return None if MODELS.has_prefix(name) else MODELS.find(name).factory


def name_of(model):
    """Return the name of `model`, which is either a name or a factory.

    Raises ValueError for a factory that is not registered and cannot be imported by name.
    """
    if isinstance(model, str):
        return model
    MODELS.find(model)
    return MODELS.name_of(model)


def _check_group(group):
    if group not in GROUPS:
        raise ValueError('group must be one of %s, got %r' % (', '.join(GROUPS), group))


def _unregistered(name, factory):
    """Return a `Model` that calls `factory`; raise ValueError if it is not a model factory."""
    if not callable(factory) or isinstance(factory, Block):
        raise ValueError('the model%s must be a name, or a function that accepts num_classes and '
                         'returns a new net, got %s' % (
                             ' ' + name if isinstance(name, str) else '', type(factory).__name__))
    return Model(name, functools.partial(_make, name, factory), UNREGISTERED)


def _make(name, factory, **kwargs):
    """Call a factory that is not registered, and check the net that it returns."""
    try:
        net = factory(**kwargs)
    except Exception as error:  # a user's code may raise anything
        raise ValueError('the factory of the model %s failed: %s. A factory must accept '
                         'num_classes, for example: def my_net(num_classes=10)'
                         % (name, message_of(error)))
    if not isinstance(net, Block):
        raise ValueError('the factory of the model %s must return a net (an mxnet.gluon.Block), '
                         'got %s' % (name, type(net).__name__))
    if not net.collect_params().keys():
        raise ValueError('the net of the model %s has no parameters: assign its layers to '
                         'attributes of the Block, or add() them to a Sequential; Gluon does not '
                         'find layers in a list' % name)
    return net


MODELS = Registry('model', 'factory', 'my_module:my_net', _unregistered, models_in_words)
