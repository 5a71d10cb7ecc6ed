"""Train models; resume, load and evaluate saved runs; classify images."""
from .evaluate import Answer, Evaluation, evaluate_run, predict_files
from .load import load_run
from .train import resume_run, train_model

__all__ = ['Answer', 'Evaluation', 'evaluate_run', 'load_run', 'predict_files', 'resume_run',
           'train_model']
