"""The kinds of worker: a function each, which imports its library, and serves until no request."""
import importlib

_MODULES = {'probe': 'ours', 'ours': 'ours', 'notebook': 'notebook', 'torch': 'pytorch',
            'batch_norm': 'norm', 'predict_ours': 'ours', 'predict_onnx': 'onnx_runtime',
            'predict_torch': 'pytorch', 'export_onnx': 'exported', 'exchange': 'exchange'}


def _kind(name):
    def run(requests, **spec):
        module = importlib.import_module('.' + _MODULES[name], __name__)
        getattr(module, name)(requests, **spec)
    return run


KINDS = {name: _kind(name) for name in _MODULES}
