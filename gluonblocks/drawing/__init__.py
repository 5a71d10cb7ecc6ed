"""Plots and text tables: training curves, confusion matrices, and rows of images."""
from .confusion import plot_confusion
from .curves import draw_curves
from .images import show_fashion_mnist

__all__ = ['draw_curves', 'plot_confusion', 'show_fashion_mnist']
