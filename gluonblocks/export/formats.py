"""The formats that a net leaves in: what each is given, and what it gives back.

How a format is added: a file here with a function `write(job)`, and a line in `FORMATS`. The
function writes its files into `job.folder`, a temporary one, and returns a `Written`, which names
them and hands out an engine: what runs the file. It verifies nothing and renames nothing: run.py
does both, the same for all formats. What it needs beyond the package it imports within `write`.
"""
import importlib
import importlib.util
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np


class Batch(NamedTuple):
    """A few images: as the net takes them, and as pictures, where there are any."""

    X: np.ndarray  #: float32 (n, C, H, W), as the net takes them
    labels: Optional[np.ndarray]  #: int (n,), or None where nobody knows
    pictures: Optional[np.ndarray]  #: uint8 (n, H, W), or (n, C, H, W) in colour; or None


class Images:
    """Many images, of which a few at a time are in memory; `iter` begins at the first again.

    `batches` is called for an iterator of `Batch`es.
    """

    def __init__(self, batches: Callable[[], Iterator[Batch]]):
        self._batches = batches

    def __iter__(self):
        return self._batches()

    def first(self, n):
        """A `Batch` of the first `n` images; of fewer, the same ones over and over."""
        parts, count = [], 0
        for batch in self:
            parts.append(batch)
            count += len(batch.X)
            if count >= n:
                break
        index = np.arange(n) % count
        return Batch(*[None if arrays[0] is None else np.concatenate(arrays)[index]
                       for arrays in zip(*parts)])


class Job(NamedTuple):
    """A net that leaves MXNet: all that a format may want to know of it."""

    symbol: Any  #: as `prediction_symbol` gives it
    params: Dict[str, Any]  #: likewise, NDArrays by name
    shape: Tuple[int, int, int]  #: (C, H, W) of what the net takes
    info: Dict[str, Any]  #: what goes into the file as metadata, see run.py
    config: Optional[Dict[str, Any]]  #: the run's config.json; None for a net without a run
    run: Optional[str]  #: the run's folder, or None
    weights: Optional[str]  #: which of the run's, 'best', 'last' or 'final', or None
    test: Images  #: all test images; for a net without a run the images that it is verified on
    calibration: np.ndarray  #: X of 512 training images or fewer, float32 (n, C, H, W)
    folder: str  #: where the files are written to; temporary
    with_preprocessing: bool = False  #: whether scaling and resizing go into the file
    picture_size: Tuple[int, int] = (0, 0)  #: (height, width) of pictures, before any resizing
    reduce_range: bool = False  #: weights of 7 bits in place of 8, see int8.py
    shared: Dict[str, Any] = {}  #: what one format keeps for another


class Written(NamedTuple):
    """What a format has written, and how it is run."""

    files: List[str]  #: names within `job.folder`, the one that counts first
    engine: Callable[[np.ndarray], np.ndarray]  #: X float32 (n, C, H, W) -> logits (n, classes)
    takes_pictures: bool = False  #: the engine takes uint8 pictures in place of X
    exact: bool = True  #: held to `atol`; otherwise to the accuracy, by `max_drop`
    notes: Tuple[str, ...] = ()  #: what the user should know, sentences

    def taken(self, batch):
        """What the engine is given of a `Batch`."""
        return batch.pictures if self.takes_pictures else batch.X


class Format(NamedTuple):
    """A format's name, its file here, and what it needs beyond the package."""

    name: str
    module: str
    says: str  #: in a few words, for a help text
    needs: Tuple[str, ...] = ()  #: modules
    extra: str = 'export'  #: that brings them

    def check_installed(self):
        """ImportError, with what to install, where something is missing."""
        for name in self.needs:
            if importlib.util.find_spec(name) is None:
                raise ImportError("%s is not installed, which the format %s needs. Install it "
                                  "with\n  pip install 'gluonblocks[%s]'"
                                  % (name, self.name, self.extra))

    def write(self, job):
        """`write(job)` of the format's file."""
        return importlib.import_module('.' + self.module, __package__).write(job)


FORMATS = {format.name: format for format in [
    Format('onnx', 'onnx', 'float32, for ONNX Runtime and others', ('onnx', 'onnxruntime')),
    Format('onnx-int8', 'int8', 'in 8 bits', ('onnx', 'onnxruntime')),
    Format('torch', 'torch', 'plain PyTorch to read, with its weights', ('torch',), 'torch'),
    Format('web', 'web', 'a page that runs it in a browser', ('onnx', 'onnxruntime'), 'web'),
]}


def get_format(name):
    """The `Format` named `name`. Raises ValueError for another name; the message lists all."""
    if name not in FORMATS:
        raise ValueError('there is no format %r; the formats are: %s' % (name, ', '.join(FORMATS)))
    return FORMATS[name]
