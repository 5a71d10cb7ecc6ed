"""Export nets to PyTorch as an editable model.py, and load PyTorch weights into Gluon."""
from .load import load_torch

__all__ = ['load_torch']
