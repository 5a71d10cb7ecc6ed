"""MXNet's operators in ONNX: for each a function that writes the nodes."""
from . import (  # noqa: F401  each registers its own
    activations,
    detection,
    elementwise,
    images,
    indexing,
    layers,
    pooling,
    recurrent,
    reductions,
    shapes,
)
from .constants import run_symbol
from .registry import CONVERTERS
from .writer import OnnxGraph

__all__ = ['CONVERTERS', 'OnnxGraph', 'run_symbol']
