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
    from .data.batches import (
        DATASETS,
        BatchLoader,
        get_class_names,
        load_data_fashion_mnist,
        load_data_synthetic,
    )
    from .data.fashion_mnist import DataError, get_fashion_mnist_labels
    from .devices import get_ctx, try_all_gpus, try_gpu
    from .drawing.images import show_fashion_mnist
    from .files import DamagedFile
    from .models.gluoncv import list_gluoncv_models
    from .models.registry import Recipe, get_model, get_recipe, list_models, register, resnet18
    from .models.summary import LayerRow, format_summary, layer_shapes
    from .runs.evaluate import (
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
    from .runs.load import load_run
    from .runs.predict import (
        Answer,
        ImageError,
        looks_inverted,
        predict,
        predict_files,
        predict_images,
        read_image,
        top_classes,
    )
    from .runs.train import model_summary, resume_run, train_model
    from .training.history import EpochRecord, epoch_line
    from .training.hooks import Hook, NonFiniteLoss
    from .training.interrupt import Interrupted
    from .training.loop import TrainingState, evaluate_accuracy, train, train_ch5
    from .training.optimizers import OPTIMIZERS, SCHEDULES

__all__ = [
    '__version__',
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
