"""A run: a model trained by its options, kept in a folder, resumed, evaluated and asked."""
from .evaluate import Answer, Evaluation, evaluate_run, predict_files
from .load import load_run
from .train import resume_run, train_model

__all__ = ['Answer', 'Evaluation', 'evaluate_run', 'load_run', 'predict_files', 'resume_run',
           'train_model']
