"""Nets from the book, papers and GluonCV, and a registry of models and their training recipes."""
from . import densenet, lenet, lenet_variants, papers  # noqa: F401  imported to register models
from .gluoncv import list_gluoncv_models
from .registry import Recipe, get_model, get_recipe, list_models, register
from .resnet import resnet18
from .summary import LayerRow, format_summary, layer_shapes

__all__ = ['LayerRow', 'Recipe', 'format_summary', 'get_model', 'get_recipe', 'layer_shapes',
           'list_gluoncv_models', 'list_models', 'register', 'resnet18']
