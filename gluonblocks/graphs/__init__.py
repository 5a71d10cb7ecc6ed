"""What a hybridized net runs in the place of the chapters' formulas: the same numbers, faster.

The environment variable GLUONBLOCKS_WAY switches it off and on: see `switch`.
"""
from .net import Net
from .simplify import simplify
from .switch import way

__all__ = ['Net', 'simplify', 'way']
