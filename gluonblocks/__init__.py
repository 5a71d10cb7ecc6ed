"""Batch normalization, ResNet and DenseNet of Dive into Deep Learning, in MXNet Gluon."""
from . import _runtime
from ._version import __version__

try:
    _runtime.prepare()  # before what follows, which imports MXNet
except ImportError:
    if not _runtime.may_be_own_command():
        raise

    def __getattr__(name):
        raise ImportError(str(_runtime.error)) from _runtime.error
else:
    from .blocks.dense import DenseBlock, conv_block, transition_block
    from .blocks.norm import BatchNorm, batch_norm
    from .blocks.residual import Residual, resnet_block
    from .data.batches import BatchLoader
    from .data.datasets import (
        get_dataset,
        list_datasets,
        load_data_fashion_mnist,
        load_data_synthetic,
        register_dataset,
    )
    from .data.fashion_mnist import DataError, get_fashion_mnist_labels
    from .data.pictures import ImageError, looks_inverted, read_image
    from .devices import get_ctx, try_all_gpus, try_gpu
    from .drawing.confusion import plot_confusion
    from .drawing.images import show_fashion_mnist
    from .files import DamagedFile
    from .models.gluoncv import list_gluoncv_models
    from .models.registry import Recipe, get_model, get_recipe, list_models, register
    from .models.resnet import resnet18
    from .models.summary import LayerRow, format_summary, layer_shapes
    from .runs.evaluate import Evaluation, evaluate_run, evaluation_record, format_evaluation
    from .runs.load import load_run
    from .runs.predict import Answer, predict_files
    from .runs.train import model_summary, resume_run, train_model
    from .training.history import EpochRecord, epoch_line
    from .training.hooks import Hook, NonFiniteLoss
    from .training.inference import predict, predict_images, top_classes
    from .training.interrupt import Interrupted
    from .training.loop import TrainingState, train, train_ch5
    from .training.metrics import (
        ClassScore,
        accuracy_of,
        class_scores,
        confusion_matrix,
        evaluate_accuracy,
    )
    from .training.optimizers import OPTIMIZERS
    from .training.schedules import SCHEDULES

__all__ = [
    '__version__',
    'Answer', 'BatchLoader', 'BatchNorm', 'ClassScore', 'DamagedFile', 'DataError',
    'DenseBlock', 'EpochRecord', 'Evaluation', 'Hook', 'ImageError', 'Interrupted', 'LayerRow',
    'NonFiniteLoss', 'OPTIMIZERS', 'Recipe', 'Residual', 'SCHEDULES', 'TrainingState',
    'accuracy_of', 'batch_norm', 'class_scores', 'confusion_matrix', 'conv_block', 'epoch_line',
    'evaluate_accuracy', 'evaluate_run', 'evaluation_record', 'format_evaluation',
    'format_summary', 'get_dataset', 'get_ctx', 'get_fashion_mnist_labels', 'get_model',
    'get_recipe', 'layer_shapes', 'list_gluoncv_models', 'list_datasets', 'list_models', 'load_data_fashion_mnist',
    'load_data_synthetic', 'load_run', 'looks_inverted', 'model_summary', 'plot_confusion',
    'predict', 'predict_files', 'predict_images', 'read_image', 'register', 'register_dataset', 'resnet18',
    'resnet_block', 'resume_run', 'show_fashion_mnist', 'top_classes', 'train', 'train_ch5',
    'train_model', 'transition_block', 'try_all_gpus', 'try_gpu']
