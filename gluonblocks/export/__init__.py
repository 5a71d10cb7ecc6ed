"""A trained net -> files that others run, each verified."""
from .graph import prediction_symbol

__all__ = ['prediction_symbol']
