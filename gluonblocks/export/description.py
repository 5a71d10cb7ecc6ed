"""A net that leaves MXNet, and the images that its files are verified on."""
import dataclasses
import hashlib
import json
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

import mxnet as mx
import numpy as np


class Batch(NamedTuple):
    """A few images: as the net takes them, and as uint8 images if there are any."""

    X: np.ndarray  #: float32 (n, C, H, W), as the net takes them
    labels: Optional[np.ndarray] = None  #: int (n,), or None if unknown
    pictures: Optional[np.ndarray] = None  #: uint8 (n, H, W), or (n, C, H, W) in colour; or None


class Images:
    """Many images, of which one batch at a time is in memory.

    `batches` is called for an iterator of `Batch`es, each time from the first.
    """

    def __init__(self, batches: Callable[[], Iterator[Batch]]):
        self._batches = batches

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
        return Batch(*[None if arrays[0] is None else np.concatenate(arrays)[index]
                       for arrays in zip(*parts)])

    def labels(self):
        """The labels of all images, (n,), or None if they are unknown."""
        found = [batch.labels for batch in self]
        return None if any(labels is None for labels in found) else np.concatenate(found)


@dataclasses.dataclass(frozen=True)
class NetDescription:
    """What is exported: a graph for prediction with its weights, and what is known of it."""

    symbol: Any  #: as `prediction_symbol` returns it
    params: Dict[str, Any]  #: likewise, NDArrays by name
    shape: Tuple[int, int, int]  #: (C, H, W) of the input
    picture_size: Tuple[int, int]  #: (height, width) of images before they are resized
    info: Dict[str, Any]  #: what the files say of the net, see `export_run`
    test: Images  #: the images that files are verified on
    calibration: np.ndarray  #: float32 (n, C, H, W), up to 512 training images

    def block(self, dtype='float32'):
        """The graph as a Gluon block of its own, in `dtype` on the CPU."""
        block = mx.gluon.SymbolBlock(self.symbol, mx.sym.var('data', dtype='float32'))
        block.cast(dtype)
        for name, param in block.collect_params().items():
            param.shape = self.params[name].shape
            param.initialize(default_init=mx.init.Zero())
            param.set_data(self.params[name].astype(dtype))
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
            if name != 'data':
                array = np.ascontiguousarray(self.params[name].asnumpy())
                digest.update(repr(array.shape).encode() + array.tobytes())
        return digest.hexdigest()


class Options(NamedTuple):
    """Choices that a format follows if it can."""

    with_preprocessing: bool = False  #: the file scales and resizes uint8 images itself
    reduce_range: bool = False  #: weights of 7 bits instead of 8, see int8.py
    runtime: Optional[str] = None  #: the archive of ONNX Runtime Web, see web.py


class Written(NamedTuple):
    """The files of a format, and an engine that runs them."""

    files: List[str]  #: names within the folder, the main one first
    engine: Callable[[np.ndarray], np.ndarray]  #: X float32 (n, C, H, W) -> logits (n, classes)
    takes_pictures: bool = False  #: the engine takes uint8 images instead of X
    exact: bool = True  #: held to `atol`; otherwise to the accuracy, by `max_drop`
    notes: Tuple[str, ...] = ()  #: sentences that the user should read

    def input_of(self, batch):
        """The engine's input of a `Batch`."""
        return batch.pictures if self.takes_pictures else batch.X
