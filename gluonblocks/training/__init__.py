"""The training loop, hooks, optimizers, learning rate schedules, and metrics for trained nets."""
from .hooks import Hook, NonFiniteLoss
from .inference import predict, predict_images, top_classes
from .interrupt import Interrupted
from .loop import EpochRecord, History, TrainingState, epoch_line, train, train_ch5
from .metrics import (
    ClassScore,
    Evaluation,
    accuracy_of,
    class_scores,
    confusion_matrix,
    evaluate,
    evaluate_accuracy,
)
from .norm_layers import Histogram, NormActivation, norm_activations
from .norms import NormRow, NormStats, read_norm_stats
from .optimizers import SGD

__all__ = ['ClassScore', 'EpochRecord', 'Evaluation', 'Histogram', 'History', 'Hook', 'Interrupted',
           'NonFiniteLoss', 'NormActivation', 'NormRow', 'NormStats', 'SGD', 'TrainingState',
           'accuracy_of', 'class_scores', 'confusion_matrix', 'epoch_line', 'evaluate',
           'evaluate_accuracy', 'norm_activations', 'predict', 'predict_images', 'read_norm_stats',
           'top_classes', 'train', 'train_ch5']
