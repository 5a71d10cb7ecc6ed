"""What a hybridized net runs in the place of the chapters' formulas: the same numbers, faster."""
from .net import Net
from .simplify import simplify

__all__ = ['Net', 'simplify']
