"""Batch normalization, ResNet and DenseNet of Dive into Deep Learning, in MXNet Gluon."""
from . import _runtime  # noqa: F401  first: it prepares the import of MXNet
from .data import DATASETS, BatchLoader, load_data_fashion_mnist, load_data_synthetic
from .dense import DenseBlock, conv_block, transition_block
from .devices import get_ctx, try_all_gpus, try_gpu
from .fashion_mnist import DataError, get_fashion_mnist_labels
from .figures import show_fashion_mnist
from .history import EpochRecord, epoch_line
from .hooks import Hook, NonFiniteLoss
from .interrupt import Interrupted
from .models import Recipe, get_model, get_recipe, list_models, register, resnet18
from .norm import BatchNorm, batch_norm
from .optimizing import OPTIMIZERS, SCHEDULES
from .residual import Residual, resnet_block
from .run import model_summary, resume_run, train_model
from .runs import load_run
from .summary import LayerRow, format_summary, layer_shapes
from .tensorfile import DamagedFile
from .training import TrainingState, evaluate_accuracy, train, train_ch5

__version__ = '0.1.0'
__all__ = [
    'BatchLoader', 'BatchNorm', 'DATASETS', 'DamagedFile', 'DataError', 'DenseBlock',
    'EpochRecord', 'Hook', 'Interrupted', 'LayerRow', 'NonFiniteLoss', 'OPTIMIZERS', 'Recipe',
    'Residual', 'SCHEDULES', 'TrainingState', 'batch_norm', 'conv_block', 'epoch_line',
    'evaluate_accuracy', 'format_summary', 'get_ctx', 'get_fashion_mnist_labels', 'get_model',
    'get_recipe', 'layer_shapes', 'list_models', 'load_data_fashion_mnist', 'load_data_synthetic',
    'load_run', 'model_summary', 'register', 'resnet18', 'resnet_block', 'resume_run',
    'show_fashion_mnist', 'train', 'train_ch5', 'train_model', 'transition_block', 'try_all_gpus',
    'try_gpu']
