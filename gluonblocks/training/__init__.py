"""The training loop, what is attached to it, and how good the net is that comes out."""
from .history import EpochRecord, epoch_line
from .hooks import Hook, NonFiniteLoss
from .inference import predict, predict_images, top_classes
from .interrupt import Interrupted
from .loop import TrainingState, train, train_ch5
from .metrics import ClassScore, accuracy_of, class_scores, confusion_matrix, evaluate_accuracy

__all__ = ['ClassScore', 'EpochRecord', 'Hook', 'Interrupted', 'NonFiniteLoss', 'TrainingState',
           'accuracy_of', 'class_scores', 'confusion_matrix', 'epoch_line', 'evaluate_accuracy',
           'predict', 'predict_images', 'top_classes', 'train', 'train_ch5']
