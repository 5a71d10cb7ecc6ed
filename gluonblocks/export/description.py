"""A net that leaves MXNet, and the images that its files are verified on."""
import dataclasses
import hashlib
import json
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np

from ..graphs.graph import Graph

# Operators that put rows in the order of a score.
_SORTING = ('_contrib_box_nms', '_contrib_MultiBoxDetection', 'topk', 'sort', 'argsort')


class Batch(NamedTuple):
    """A few images: as the net takes them, and as uint8 images if there are any."""

    inputs: Tuple[np.ndarray, ...]  #: the net's, in their order; one for an image: (n, C, H, W)
    labels: Optional[np.ndarray] = None  #: int (n,), or None if unknown
    pictures: Optional[np.ndarray] = None  #: uint8 (n, H, W), or (n, C, H, W) in colour; or None

    @property
    def X(self):
        """The first input."""
        return self.inputs[0]


class Images:
    """Many images, of which one batch at a time is in memory.

    `batches` is called for an iterator of `Batch`es, each time from the first; `words` says what
    they are. Files are also tried with 1, 3 and `largest` of them, unless that is None: a file may
    be right for one batch size only.
    """

    def __init__(self, batches: Callable[[], Iterator[Batch]], largest: Optional[int] = 256,
                 words='all test images'):
        self._batches, self.words = batches, words
        self._probes = () if largest is None else (1, 3, largest)
        self.num_probes = len(self._probes)  #: batches of `all_batches` that come before all images
        self.timed = (1,) if largest is None else (1, largest)  #: sizes whose time is measured

    def __iter__(self):
        return self._batches()

    def first(self, n):
        """A `Batch` of the first `n` images; if there are fewer, they repeat."""
        parts, count = [], 0
        for batch in self:
            parts.append(batch)
            count += len(batch.X)
            if count >= n:
                break
        index = np.arange(n) % count

        def joined(arrays):
            return None if arrays[0] is None else np.concatenate(arrays)[index]
        return Batch(tuple(map(joined, zip(*[batch.inputs for batch in parts]))),
                     joined([batch.labels for batch in parts]),
                     joined([batch.pictures for batch in parts]))

    def all_batches(self):
        """The batches that files are verified on."""
        for size in self._probes:
            yield self.first(size)
        yield from self

    def labels(self):
        """The labels of all images, (n,), or None if they are unknown."""
        found = [batch.labels for batch in self]
        return None if any(labels is None for labels in found) else np.concatenate(found)


@dataclasses.dataclass(frozen=True)
class NetDescription:
    """What is exported: a graph for prediction with its weights, and what is known of it."""

    symbol: Any  #: as `prediction_symbol` returns it
    params: Dict[str, np.ndarray]  #: by name, float32
    inputs: Dict[str, Tuple[int, ...]]  #: shapes by name, for a batch of one
    outputs: List[str]  #: names
    info: Dict[str, Any]  #: what the files say of the net, see `export_run`
    test: Images  #: the images that files are verified on
    calibration: Optional[np.ndarray] = None  #: float32 (n, C, H, W), up to 512 training images
    picture_size: Optional[Tuple[int, int]] = None  #: (height, width) before images are resized
    #: `inputs` for other batches and sizes; None: for a batch of two
    variants: Optional[Sequence[Dict[str, Tuple[int, ...]]]] = None

    @property
    def shape(self):
        """The shape of the first input without the batch: (C, H, W) for images."""
        return next(iter(self.inputs.values()))[1:]

    @property
    def is_classifier(self):
        """True if the net has classes: one output, (N, classes), with their names."""
        return 'classes' in self.info

    @property
    def sorts(self):
        """True if the net sorts rows by a score, as detectors do."""
        return any(node.op in _SORTING for node in Graph(self.symbol).nodes)

    def dimensions(self):
        """The shapes of the inputs by name, with words for sizes that are free: 'N' for batches."""
        shapes = self.shapes()
        return {name: ['%s' % side if all(each[name][i] == side for each in shapes[1:]) else
                       'N' if i == 0 else 'any' for i, side in enumerate(sides)]
                for name, sides in self.inputs.items()}

    def shapes(self):
        """`inputs` and `variants`."""
        twice = {name: (2,) + sides[1:] for name, sides in self.inputs.items()}
        return [self.inputs, *([twice] if self.variants is None else self.variants)]

    def block(self, dtype='float32'):
        """The graph as a Gluon block of its own, in `dtype` on the CPU."""
        block = mx.gluon.SymbolBlock(self.symbol, [mx.sym.var(name, dtype='float32')
                                                   for name in self.inputs])
        block.cast(dtype)
        for name, param in block.collect_params().items():
            param.shape = self.params[name].shape
            param.initialize(default_init=mx.init.Zero())
            param.set_data(mx.nd.array(self.params[name], dtype=dtype))
        return block

    def metadata(self, preprocessing):
        """`info` as texts by name, lists and numbers as JSON; `preprocessing` is in it."""
        info = dict(self.info, preprocessing=preprocessing)
        return {name: value if isinstance(value, str) else json.dumps(value)
                for name, value in info.items()}

    def weights_sha256(self):
        """The SHA-256 of the weights, with their shapes; their names differ between processes."""
        digest = hashlib.sha256()
        for name in self.symbol.list_inputs():
            if name not in self.inputs:
                array = np.ascontiguousarray(self.params[name])
                digest.update(repr(array.shape).encode())
                digest.update(array.data)
        return digest.hexdigest()


class Options(NamedTuple):
    """Choices that a format follows if it can."""

    with_preprocessing: bool = False  #: the file scales and resizes uint8 images itself
    reduce_range: bool = False  #: weights of 7 bits instead of 8, see int8.py
    runtime: Optional[str] = None  #: the archive of ONNX Runtime Web, see web.py


class Written(NamedTuple):
    """The files of a format, and an engine that runs them."""

    files: List[str]  #: names within the folder, the main one first
    engine: Callable[[Tuple[np.ndarray, ...]], List[np.ndarray]]  #: inputs -> outputs
    takes_pictures: bool = False  #: the engine takes uint8 images instead of the first input
    exact: bool = True  #: held to `atol`; otherwise to the accuracy, by `max_drop`
    notes: Tuple[str, ...] = ()  #: sentences that the user should read

    def inputs_of(self, batch):
        """The engine's inputs of a `Batch`."""
        return (batch.pictures,) if self.takes_pictures else batch.inputs
