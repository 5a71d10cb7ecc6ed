"""Batch normalization, ResNet and DenseNet from Dive into Deep Learning, in MXNet Gluon.

This module exports the names from the book's chapters, and the main functions for models, data
sets, training runs and export. The rest is in the subpackages: `machine`, `blocks`, `graphs`,
`models`, `data`, `training`, `distributed`, `drawing`, `runs`, `report` and `export`.
"""
__version__ = '0.1.0'  # pyproject.toml reads the version from here

from . import _runtime

__all__ = [
    '__version__',
    # From the book.
    'BatchNorm', 'DenseBlock', 'Residual', 'batch_norm', 'conv_block', 'evaluate_accuracy',
    'get_fashion_mnist_labels', 'load_data_fashion_mnist', 'resnet18', 'resnet_block',
    'show_fashion_mnist', 'train', 'train_ch5', 'transition_block', 'try_all_gpus', 'try_gpu',
    # Models and data sets by name.
    'get_model', 'get_recipe', 'layer_shapes', 'list_models', 'register', 'register_dataset',
    # Training, evaluation, prediction and reports.
    'Hook', 'confusion_matrix', 'evaluate_run', 'load_run', 'predict_files', 'read_image',
    'resume_run', 'train_model', 'write_report',
    # Export to other frameworks, and import from PyTorch.
    'export_files', 'export_net', 'export_run', 'load_torch']

_runtime.prepare()  # must precede the imports below, which import MXNet
if _runtime.error is None:
    from .blocks import (
        BatchNorm,
        DenseBlock,
        Residual,
        batch_norm,
        conv_block,
        resnet_block,
        transition_block,
    )
    from .data import (
        get_fashion_mnist_labels,
        load_data_fashion_mnist,
        read_image,
        register_dataset,
    )
    from .devices import try_all_gpus, try_gpu
    from .drawing import show_fashion_mnist
    from .export import export_files, export_net, export_run, load_torch
    from .models import get_model, get_recipe, layer_shapes, list_models, register, resnet18
    from .report import write_report
    from .runs import evaluate_run, load_run, predict_files, resume_run, train_model
    from .training import Hook, confusion_matrix, evaluate_accuracy, train, train_ch5
else:
    # Importing this module succeeds without MXNet, so that the commands can say what to install.
    def __getattr__(name):
        if name in __all__:
            raise ImportError(str(_runtime.error)) from _runtime.error
        raise AttributeError('module %r has no attribute %r' % (__name__, name))
