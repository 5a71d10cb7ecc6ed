"""Convert MXNet operators to ONNX nodes, with one function for each operator."""
from . import (  # noqa: F401  imported to register their converters
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
