"""Batch normalization, ResNet and DenseNet of Dive into Deep Learning, in MXNet Gluon."""
from . import _runtime  # noqa: F401  first: it prepares the import of MXNet
from .data import DATASETS, BatchLoader, load_data_fashion_mnist, load_data_synthetic
from .dense import DenseBlock, conv_block, transition_block
from .fashion_mnist import DataError, get_fashion_mnist_labels
from .figures import show_fashion_mnist
from .gluoncv_models import list_gluoncv_models
from .history import EpochRecord, epoch_line
from .models import Recipe, get_model, get_recipe, list_models, register, resnet18
from .norm import BatchNorm, batch_norm
from .residual import Residual, resnet_block
from .run import model_summary, train_model
from .summary import LayerRow, format_summary, layer_shapes
from .training import evaluate_accuracy, get_ctx, train, train_ch5, try_all_gpus, try_gpu

__version__ = '0.1.0'
__all__ = [
    'BatchLoader', 'BatchNorm', 'DATASETS', 'DataError', 'DenseBlock', 'EpochRecord', 'LayerRow',
    'Recipe', 'Residual', 'batch_norm', 'conv_block', 'epoch_line', 'evaluate_accuracy',
    'format_summary', 'get_ctx', 'get_fashion_mnist_labels', 'get_model', 'get_recipe',
    'layer_shapes', 'list_gluoncv_models', 'list_models', 'load_data_fashion_mnist', 'load_data_synthetic',
    'model_summary', 'register', 'resnet18', 'resnet_block', 'show_fashion_mnist', 'train',
    'train_ch5', 'train_model', 'transition_block', 'try_all_gpus', 'try_gpu']
