"""A net as PyTorch's: model.safetensors, and model.py, which needs nothing of ours.

Compared are the outputs on all images (as for every format) and the gradients of one training step.
"""
import copy
import importlib.util
import os
from typing import NamedTuple

import numpy as np
from mxnet import autograd, gluon, nd, sym
from safetensors import numpy as safetensors

from ..files import write_file
from .formats import Written
from .onnx import metadata
from .torch_code import torch_code
from .torch_graph import read_structure
from .verify import VerificationError

WEIGHTS, CODE = 'model.safetensors', 'model.py'
# Both compute the step in float64. Measured: gradients agree to 1e-13, averages to 2.4e-7, for
# MXNet keeps their momentum in float32; a wrong layer is off by far more.
STEP_TOLERANCE = 1e-6
_STEP_IMAGES = 16

_MISSING = """PyTorch is not installed, in which this format is verified. Install it with
  pip install 'gluonblocks[torch]'"""


def write_torch(symbol, params, folder, info, shape):
    """Write model.safetensors and model.py of a net for prediction into `folder`; their names.

    `symbol` and `params` are `prediction_symbol`'s, `info` what the file says of the net, as in
    ONNX's metadata (see `export_run`), `shape` (C, H, W) of the images. Raises ValueError for an
    operator that is not known in PyTorch, before anything is written.
    """
    tensors = torch_arrays(symbol, params)
    code = torch_code(symbol, {name: array.shape for name, array in params.items()}, shape, info)
    write_file(os.path.join(folder, WEIGHTS),
               safetensors.save(tensors, dict(metadata(info), format='pt')))
    write_file(os.path.join(folder, CODE), code.encode())
    return [WEIGHTS, CODE]


def torch_arrays(symbol, params):
    """The state dict of model.py's net: NumPy arrays by PyTorch's names."""
    return {name: np.ascontiguousarray(params[param].asnumpy())
            for name, param in read_structure(symbol).tensors().items()}


def write(job):
    """The format of `formats.py`: the files, and PyTorch as their engine.

    Raises ImportError, with what to install, where PyTorch is missing; VerificationError where
    the gradients of a training step are not MXNet's.
    """
    torch = _torch()
    # The net alone: who has the preprocessing inside of ONNX has it outside here.
    files = write_torch(job.symbol, job.params, job.folder,
                        dict(job.info, preprocessing='outside'), job.shape)
    module = load_module(os.path.join(job.folder, CODE), os.path.join(job.folder, WEIGHTS))

    def engine(X):
        with torch.no_grad():
            return module(torch.from_numpy(np.ascontiguousarray(X))).numpy()
    X, labels, _ = job.test.first(_STEP_IMAGES)
    if labels is None:
        labels = np.arange(len(X)) % engine(X).shape[1]
    step = compare_step(job.symbol, job.params, module, X, labels)
    step.check()
    return Written(files, engine, notes=(
        "one training step: %d gradients and averages within %.0e of MXNet's, in relation to each "
        "one's largest number" % (step.compared, step.difference),))


def load_module(code, weights):
    """The net of the model.py at `code`, with the weights of the file at `weights`, to predict."""
    spec = importlib.util.spec_from_file_location('gluonblocks_exported_model', code)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made.load(weights)


class Step(NamedTuple):
    """How far a training step in PyTorch is from MXNet's: in relation to a tensor's largest."""

    difference: float
    name: str  #: of the tensor that is farthest off
    compared: int  #: how many parameters were compared

    def check(self, tolerance=STEP_TOLERANCE):
        """VerificationError where the step is farther off than `tolerance`."""
        if not self.difference <= tolerance:
            raise VerificationError(
                'in a training step in PyTorch the gradient or average %s is off by %.1e of its '
                'largest number, and at most %.0e is allowed: the file does not compute what the '
                'net does' % (self.name, self.difference, tolerance))


def compare_step(symbol, params, module, X, y):
    """One training step of both nets, in float64: forward, cross-entropy, backward; a `Step`.

    X is (N, C, H, W) and y (N,) the classes, NumPy arrays. Compared are the gradients of all
    parameters and the means that the batch norms move; each difference is in relation to the
    largest number of its tensor, or a millionth of the largest of all: a bias before a batch norm
    has gradient 0. `module`, a model.py's net for `symbol`, stays as it is. There is no Dropout.
    """
    torch = _torch()
    X, y = np.asarray(X, dtype='float64'), np.asarray(y)
    structure = read_structure(symbol)
    mine = _step_here(symbol, params, X, y)
    module = copy.deepcopy(module).double().train()
    torch.nn.functional.cross_entropy(module(torch.from_numpy(X)),
                                      torch.from_numpy(y.astype('int64'))).backward()
    theirs = {name: tensor.grad.numpy() for name, tensor in module.named_parameters()
              if tensor.requires_grad}
    theirs.update((name, tensor.numpy()) for name, tensor in module.named_buffers()
                  if name.endswith('running_mean'))
    names = structure.tensors()
    largest = max(np.abs(mine[names[name]]).max() for name in theirs)
    found = []
    for name, array in theirs.items():
        scale = max(np.abs(mine[names[name]]).max(), 1e-6 * largest)
        off = float(np.abs(array - mine[names[name]]).max() / scale)
        found.append((off if np.isfinite(off) else np.inf, name))
    difference, name = max(found)
    return Step(difference, name, len(found))


def _step_here(symbol, params, X, y):
    """The gradients and, once moved, the averages of a step in MXNet, by the parameters' names."""
    block = gluon.SymbolBlock(symbol, sym.var('data', dtype='float32'))
    block.cast('float64')
    block.initialize()
    block(nd.array(X, dtype='float64'))
    held = block.collect_params()
    for name, param in held.items():
        param.set_data(params[name].astype('float64'))
    with autograd.record():
        loss = gluon.loss.SoftmaxCrossEntropyLoss()(
            block(nd.array(X, dtype='float64')), nd.array(y, dtype='float64')).mean()
    loss.backward()
    nd.waitall()  # averages are set behind Python's back
    return {name: (param.data() if param.grad_req == 'null' else param.grad()).asnumpy()
            for name, param in held.items()}


def _torch():
    try:
        import torch
    except ImportError as error:
        raise ImportError(_MISSING) from error
    return torch
