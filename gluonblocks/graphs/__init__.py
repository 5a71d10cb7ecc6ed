"""The graphs that hybridized nets run: the passes over them, and the C++ operators."""
from .net import Net

__all__ = ['Net']
