"""A run: a model trained by its options, kept in a folder, gone on with, and asked again."""
from .evaluate import Evaluation, evaluate_run
from .load import load_run
from .predict import Answer, predict_files
from .train import resume_run, train_model

__all__ = ['Answer', 'Evaluation', 'evaluate_run', 'load_run', 'predict_files', 'resume_run',
           'train_model']
