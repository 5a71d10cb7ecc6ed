"""The kinds of worker: a function each, which imports its library and serves requests."""

# The module of each function. Only the one that is needed is imported.
KINDS = {'probe': 'ours', 'ours': 'ours', 'predict_ours': 'ours', 'notebook': 'notebook',
         'torch': 'pytorch', 'predict_torch': 'pytorch', 'batch_norm': 'norm',
         'export_onnx': 'engines', 'predict_onnx': 'engines'}
