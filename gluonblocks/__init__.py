"""Batch normalization, ResNet and DenseNet of Dive into Deep Learning, in MXNet Gluon."""
from . import _runtime

_runtime.prepare()  # before the others, which import MXNet

from .data import (
    DATASETS,
    BatchLoader,
    get_class_names,
    load_data_fashion_mnist,
    load_data_synthetic,
)
from .dense import DenseBlock, conv_block, transition_block
from .devices import get_ctx, try_all_gpus, try_gpu
from .evaluation import (
    ClassScore,
    Evaluation,
    accuracy_of,
    class_scores,
    confusion_matrix,
    evaluate_run,
    evaluation_record,
    format_evaluation,
    plot_confusion,
)
from .fashion_mnist import DataError, get_fashion_mnist_labels
from .figures import show_fashion_mnist
from .gluoncv_models import list_gluoncv_models
from .history import EpochRecord, epoch_line
from .hooks import Hook, NonFiniteLoss
from .interrupt import Interrupted
from .models import Recipe, get_model, get_recipe, list_models, register, resnet18
from .norm import BatchNorm, batch_norm
from .optimizing import OPTIMIZERS, SCHEDULES
from .prediction import (
    Answer,
    ImageError,
    looks_inverted,
    predict,
    predict_files,
    predict_images,
    read_image,
    top_classes,
)
from .residual import Residual, resnet_block
from .run import model_summary, resume_run, train_model
from .runs import load_run
from .summary import LayerRow, format_summary, layer_shapes
from .tensorfile import DamagedFile
from .training import TrainingState, evaluate_accuracy, train, train_ch5

__version__ = '0.1.0'
__all__ = [
    'Answer', 'BatchLoader', 'BatchNorm', 'ClassScore', 'DATASETS', 'DamagedFile', 'DataError',
    'DenseBlock', 'EpochRecord', 'Evaluation', 'Hook', 'ImageError', 'Interrupted', 'LayerRow',
    'NonFiniteLoss', 'OPTIMIZERS', 'Recipe', 'Residual', 'SCHEDULES', 'TrainingState',
    'accuracy_of', 'batch_norm', 'class_scores', 'confusion_matrix', 'conv_block', 'epoch_line',
    'evaluate_accuracy', 'evaluate_run', 'evaluation_record', 'format_evaluation',
    'format_summary', 'get_class_names', 'get_ctx', 'get_fashion_mnist_labels', 'get_model',
    'get_recipe', 'layer_shapes', 'list_gluoncv_models', 'list_models', 'load_data_fashion_mnist',
    'load_data_synthetic', 'load_run', 'looks_inverted', 'model_summary', 'plot_confusion',
    'predict', 'predict_files', 'predict_images', 'read_image', 'register', 'resnet18',
    'resnet_block', 'resume_run', 'show_fashion_mnist', 'top_classes', 'train', 'train_ch5',
    'train_model', 'transition_block', 'try_all_gpus', 'try_gpu']
