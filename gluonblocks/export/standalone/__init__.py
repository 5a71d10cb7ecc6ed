"""The small program that lies beside each ONNX file and answers pictures without MXNet."""
import os


def predict_script():
    """The content of predict.py, bytes: it is written beside every ONNX file as it is here."""
    with open(os.path.join(os.path.dirname(__file__), 'predict.py'), 'rb') as f:
        return f.read()
