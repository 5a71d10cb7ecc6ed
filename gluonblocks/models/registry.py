"""The registry of models: a factory for each, and the recipe that the book trains it by."""
import functools
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from mxnet.gluon import Block

from ..registry import Registry, said_by

# Whose the models are, in the order that they are listed in. The book's come first.
BOOK, EXERCISES, PAPERS, OTHERS = 'book', 'exercises', 'papers', 'others'
GROUPS = {BOOK: "the book's", EXERCISES: 'for its exercises', PAPERS: "the papers'",
          OTHERS: 'others'}


class Recipe(NamedTuple):
    """How the book trains a model: by SGD, its weights initialized by Xavier.

    `lr` is the learning rate, `epochs` the number of passes over the data, and `resize` the side in
    pixels that images are resized to (None: they stay as they are).
    """

    lr: float
    batch_size: int
    epochs: int
    resize: Optional[int]


class Model(NamedTuple):
    """A model: `factory(num_classes=10)` returns a new net, (N, C, H, W) -> (N, num_classes)."""

    name: str
    factory: Callable[..., Any]
    recipe: Recipe
    group: str = OTHERS


# Of a net that nobody registered: as the book trains its DenseNet, but on images as they are.
UNREGISTERED = Recipe(lr=0.1, batch_size=256, epochs=5, resize=None)


def register(lr, batch_size=256, epochs=5, resize=None, name=None, group=OTHERS):
    """A decorator that registers a factory of nets with its `Recipe`.

    The model has the name of the factory, or `name`; it is listed with the models of `group`, one
    of 'book', 'exercises', 'papers' and 'others'. The factory takes at least `num_classes` and
    returns a new, uninitialized net, (N, C, H, W) -> (N, num_classes).

    Raises ValueError for a name that is registered already, and for an unknown group.
    """
    _check_group(group)

    def add(factory):
        MODELS.add(Model(factory.__name__ if name is None else name, factory,
                         Recipe(lr, batch_size, epochs, resize), group))
        return factory
    return add


def list_models(group=None):
    """Return the names of all models registered by `register`, or of those in a `group`, sorted.

    The book's come first, then those of its exercises, of the papers, and others. Raises ValueError
    for an unknown group.
    """
    if group is not None:
        _check_group(group)
    return [name for kind in GROUPS if group in (None, kind)
            for name in sorted(MODELS.entries) if MODELS.entries[name].group == kind]


def models_in_words():
    """Return the names of all models by group, in one line of text for people.

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
    """Return a new, uninitialized net by its name; `kwargs`, as num_classes=10, go to its factory.

    `name` is that of a registered model, of one of GluonCV's, 'gluoncv:NAME', or
    'my_package.my_module:my_net', a factory that Python can import; or it is the factory itself.

    Raises ValueError for an unknown name, for what cannot be imported, and for a factory that takes
    no `num_classes`, fails, or does not return a net.
    """
    return MODELS.find(name).factory(**kwargs)


def get_recipe(name):
    """Return the `Recipe` of the model `name`, or of a factory: the registered one, or else
    `UNREGISTERED`, SGD with learning rate 0.1 on batches of 256, 5 epochs, images as they are.

    Raises as `get_model` does.
    """
    return MODELS.find(name).recipe


def get_factory(name):
    """Return the function that makes the model `name`; None for GluonCV's. As `get_model`."""
    return None if MODELS.has_prefix(name) else MODELS.find(name).factory


def name_of(model):
    """Return the name of a model that is given by its name or by its factory.

    Raises ValueError for a factory that is not registered and cannot be imported by a name.
    """
    if isinstance(model, str):
        return model
    MODELS.find(model)
    return MODELS.name_of(model)


def _check_group(group):
    if group not in GROUPS:
        raise ValueError('group is %r, but must be one of %s' % (group, ', '.join(GROUPS)))


def _unregistered(name, factory):
    """Return the `Model` of a factory that nobody registered; ValueError if it cannot be one."""
    if not callable(factory) or isinstance(factory, Block):
        raise ValueError('the model%s is %s, but must be a name, or a function that takes '
                         'num_classes and returns a new net' % (
                             ' ' + name if isinstance(name, str) else '', type(factory).__name__))
    return Model(name, functools.partial(_make, name, factory), UNREGISTERED)


def _make(name, factory, **kwargs):
    """Return the net of a factory that nobody registered, checked."""
    try:
        net = factory(**kwargs)
    except Exception as error:  # somebody else's code
        raise ValueError('the model %s cannot be made: %s. A factory takes num_classes, as '
                         'def my_net(num_classes=10)' % (name, said_by(error)))
    if not isinstance(net, Block):
        raise ValueError('the model %s makes a %s, but must make a net, a Block of mxnet.gluon'
                         % (name, type(net).__name__))
    if not net.collect_params().keys():
        raise ValueError('the model %s makes a net without parameters: Gluon finds the layers that '
                         'are attributes of a Block, or were given to add() of a Sequential, and '
                         'none in a list' % name)
    return net


MODELS = Registry('model', 'factory', 'my_module:my_net', _unregistered, models_in_words)
