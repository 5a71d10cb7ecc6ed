"""Train a model and save the run in a folder; resume, evaluate and load a run; classify images."""
from .evaluate import Answer, Evaluation, evaluate_run, predict_files
from .load import load_run
from .train import resume_run, train_model

__all__ = ['Answer', 'Evaluation', 'evaluate_run', 'load_run', 'predict_files', 'resume_run',
           'train_model']
