"""Data classes for exports: the net, the images for verification, and the written files."""
import dataclasses
import hashlib
import json
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np

from ..graphs.graph import Graph
from .graph import compute_in

# Operators that sort rows by score.
_SORTING = ('_contrib_box_nms', '_contrib_MultiBoxDetection', 'topk', 'sort', 'argsort')


class Batch(NamedTuple):
    """A batch of inputs for the net, with the uint8 images that they were made from, if known."""

    inputs: Tuple[np.ndarray, ...]  #: one array per input of the net; images are (n, C, H, W)
    labels: Optional[np.ndarray] = None  #: int (n,), or None if unknown
    pixels: Optional[np.ndarray] = None  #: uint8 (n, H, W), or (n, C, H, W) in colour; or None

    @property
    def X(self):
        """The first input."""
        return self.inputs[0]


class Images:
    """The images used to verify the exported files, loaded one batch at a time.

    `batches` is a function that returns a new iterator of `Batch` objects. `words` is a description
    of the images, which the exported files store as metadata. Each file is also run on batches of
    1, 3 and `largest` images, in case its outputs are correct for only one batch size. If `largest`
    is None, these extra batches are omitted.
    """

    def __init__(self, batches: Callable[[], Iterator[Batch]], largest: Optional[int] = 256,
                 words='all test images'):
        self._batches, self.words = batches, words
        self._probes = () if largest is None else (1, 3, largest)
        self.num_probes = len(self._probes)  #: number of extra batches at the start
        self.timed = (1,) if largest is None else (1, largest)  #: batch sizes for timing

    def __iter__(self):
        return self._batches()

    def first(self, n):
        """Return a `Batch` of the first `n` images, repeating them if there are fewer."""
        batches, count = [], 0
        for batch in self:
            batches.append(batch)
            count += len(batch.X)
            if count >= n:
                break
        if len(batches) == 1 and count == n:  # the first axis of recurrent states is not N
            return batches[0]
        index = np.arange(n) % count

        def joined(arrays):
            return None if arrays[0] is None else np.concatenate(arrays)[index]
        return Batch(tuple(map(joined, zip(*[batch.inputs for batch in batches]))),
                     joined([batch.labels for batch in batches]),
                     joined([batch.pixels for batch in batches]))

    def all_batches(self):
        """Yield the batches for verification: first any extra batches, then those of all images."""
        for size in self._probes:
            yield self.first(size)
        yield from self

    def labels(self):
        """Return the labels of all images as an array of shape (n,), or None if any are unknown."""
        found = [batch.labels for batch in self]
        return None if any(labels is None for labels in found) else np.concatenate(found)


@dataclasses.dataclass(frozen=True)
class NetDescription:
    """The net to export: an inference graph, its weights and metadata."""

    symbol: Any  #: from `prediction_symbol`
    params: Dict[str, np.ndarray]  #: float32 arrays by name
    inputs: Dict[str, Tuple[int, ...]]  #: input shapes by name, for a batch of one
    outputs: List[str]  #: names of the outputs
    info: Dict[str, Any]  #: metadata stored in the files, see `export_run`
    test: Images  #: images for verification
    calibration: Optional[np.ndarray] = None  #: float32 images (n, C, H, W) for onnx-int8
    picture_size: Optional[Tuple[int, int]] = None  #: (height, width) of images before resizing
    #: other input shapes to support, such as larger batches or images; None means a batch of two
    variants: Optional[Sequence[Dict[str, Tuple[int, ...]]]] = None

    @property
    def shape(self):
        """The shape of the first input without the batch axis: (C, H, W) for images."""
        return next(iter(self.inputs.values()))[1:]

    @property
    def is_classifier(self):
        """True if `info` has class names; the net then has one output of shape (N, classes)."""
        return 'classes' in self.info

    @property
    def sorts(self):
        """True if the net sorts values, as detectors sort their boxes by score."""
        return any(node.op in _SORTING for node in Graph(self.symbol).nodes)

    def dimensions(self):
        """Return the input shapes by name; a variable size is 'N' (batch axis) or 'any'."""
        shapes = self.shapes()
        return {name: ['%s' % side if all(each[name][i] == side for each in shapes[1:]) else
                       'N' if i == 0 else 'any' for i, side in enumerate(sides)]
                for name, sides in self.inputs.items()}

    def shapes(self):
        """Return a list of input shapes: `inputs`, then `variants` (default: a batch of two)."""
        twice = {name: (2,) + sides[1:] for name, sides in self.inputs.items()}
        return [self.inputs, *([twice] if self.variants is None else self.variants)]

    def block(self, dtype='float32'):
        """Return a new Gluon block that computes the graph in `dtype` on the CPU."""
        graph = Graph(self.symbol)
        compute_in(dtype, graph)
        block = mx.gluon.SymbolBlock(graph.symbol(), [mx.sym.var(name, dtype='float32')
                                                     for name in self.inputs])
        block.cast(dtype)
        for name, param in block.collect_params().items():
            param.shape = self.params[name].shape
            param.initialize(default_init=mx.init.Zero())
            param.set_data(mx.nd.array(self.params[name], dtype=dtype))
        return block

    def metadata(self, preprocessing):
        """Return `info` and `preprocessing` as {name: string}, encoding other types as JSON."""
        info = dict(self.info, preprocessing=preprocessing)
        return {name: value if isinstance(value, str) else json.dumps(value)
                for name, value in info.items()}

    def weights_sha256(self):
        """Return the SHA-256 of weights and shapes, but not of names, which may vary by process."""
        digest = hashlib.sha256()
        for name in self.symbol.list_inputs():
            if name not in self.inputs:
                array = np.ascontiguousarray(self.params[name])
                digest.update(repr(array.shape).encode())
                digest.update(array.data)
        return digest.hexdigest()


class Options(NamedTuple):
    """Export options; a format ignores those that do not apply to it."""

    with_preprocessing: bool = False  #: resize and scale uint8 images within the graph
    reduce_range: bool = False  #: 7-bit instead of 8-bit weights, see int8.py
    runtime: Optional[str] = None  #: path of the ONNX Runtime Web archive, see web.py


class Written(NamedTuple):
    """The files written for one export format, and an engine that runs them."""

    files: List[str]  #: names in the folder, the main file first
    engine: Callable[[Tuple[np.ndarray, ...]], List[np.ndarray]]  #: inputs -> outputs
    takes_pixels: bool = False  #: True if the engine expects uint8 images
    exact: bool = True  #: if True, `atol` limits differences; else, `max_drop` limits lost accuracy
    notes: Tuple[str, ...] = ()  #: messages for the user

    def inputs_of(self, batch):
        """Return the uint8 images of `batch` if the engine expects them, else `batch.inputs`."""
        return (batch.pixels,) if self.takes_pixels else batch.inputs
