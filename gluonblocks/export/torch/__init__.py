"""Nets to PyTorch, as a model.py to read and change, and PyTorch's weights to Gluon."""
from .load import load_torch

__all__ = ['load_torch']
