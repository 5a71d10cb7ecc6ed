"""The graphs of hybridized nets, the passes that rewrite them, and the C++ operators."""
from .net import Net

__all__ = ['Net']
