"""The formats that a net leaves in: what each is given, and what it gives back.

How a format is added: a file here with a function `write(job)`, and a line in `FORMATS`. The
function writes its files into `job.folder`, a temporary one, and returns a `Written`, which names
them and hands out an engine: what runs the file. It verifies nothing and renames nothing: run.py
does both, the same for all formats. What it needs beyond the package it imports within `write`.
"""
import importlib
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import numpy as np


class Images(NamedTuple):
    """Images, in memory: as the net takes them, and as pictures, where there are any."""

    X: np.ndarray  #: float32 (n, C, H, W), as the net takes them
    labels: Optional[np.ndarray] = None  #: int (n,), or None where nobody knows
    pictures: Optional[np.ndarray] = None  #: uint8 (n, H, W), or (n, C, H, W) in colour


class Job(NamedTuple):
    """A net that leaves MXNet: all that a format may want to know of it."""

    symbol: Any  #: as `prediction_symbol` gives it
    params: Dict[str, Any]  #: likewise, NDArrays by name
    shape: Tuple[int, int, int]  #: (C, H, W) of what the net takes
    info: Dict[str, Any]  #: what goes into the file as metadata, see `metadata`
    config: Optional[Dict[str, Any]]  #: the run's config.json; None for a net without a run
    run: Optional[str]  #: the run's folder, or None
    test: Images  #: all test images; for a net without a run the images that it is verified on
    calibration: Images  #: training images, 512 or fewer
    folder: str  #: where the files are written to; temporary
    with_preprocessing: bool = False  #: whether scaling and resizing go into the file
    reduce_range: bool = False  #: weights of 7 bits in place of 8, see int8.py
    shared: Dict[str, Any] = {}  #: what one format keeps for another


class Written(NamedTuple):
    """What a format has written, and how it is run."""

    files: List[str]  #: names within `job.folder`, the one that counts first
    engine: Callable[[np.ndarray], np.ndarray]  #: X float32 (n, C, H, W) -> logits (n, classes)
    takes_pictures: bool = False  #: the engine takes uint8 pictures in place of X
    exact: bool = True  #: held to `atol`; otherwise to the accuracy, by `max_drop`
    notes: Tuple[str, ...] = ()  #: what the user should know, sentences


class Format(NamedTuple):
    """A format's name, its file here, and the extra that brings what it needs."""

    name: str
    module: str
    extra: str = 'export'
    says: str = ''  #: in a few words, for a help text

    def write(self, job):
        """`write(job)` of the format's file; ImportError, with what to install, where that is."""
        try:
            return importlib.import_module('.' + self.module, __package__).write(job)
        except ModuleNotFoundError as error:
            raise ImportError("%s is not installed, which the format %s needs. Install it with\n"
                              "  pip install 'gluonblocks[%s]'"
                              % (error.name, self.name, self.extra)) from error


FORMATS = {format.name: format for format in [
    Format('onnx', 'onnx', says='float32, for ONNX Runtime and others'),
    Format('onnx-int8', 'int8', says='8 bits: a quarter of the size'),
]}


def get_format(name):
    """The `Format` named `name`. Raises ValueError for another name; the message lists all."""
    if name not in FORMATS:
        raise ValueError('there is no format %r; the formats are: %s' % (name, ', '.join(FORMATS)))
    return FORMATS[name]
