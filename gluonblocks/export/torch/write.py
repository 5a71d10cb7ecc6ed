"""The 'torch' format: weights in model.safetensors, and a model.py that does not need gluonblocks.

Verification compares the outputs for all images and, for classifiers, one training step.
"""
import copy
import os
import types

import numpy as np
from mxnet import autograd, gluon, nd
from safetensors import numpy as safetensors

from ...files import write_file
from ..description import Written
from ..verify import VerificationError
from .code import torch_code
from .structure import read_structure

WEIGHTS, CODE = 'model.safetensors', 'model.py'
# MXNet and PyTorch compute the training step in float64, but MXNet stores the momentum of batch
# norms and the slopes of leaky ReLUs in float32, which causes differences of up to 4e-7. A
# wrongly converted layer causes far larger differences.
STEP_TOLERANCE = 1e-5
_STEP_IMAGES = 16


def check(net):
    """Raise ValueError, with the reason, if PyTorch cannot express `net`, a `NetDescription`."""
    torch_code(net)


def write(net, folder, options):
    """Write the code and weights of `net`, a `NetDescription`, to `folder`; return a `Written`.

    The files do not include preprocessing. Raises ValueError before writing if PyTorch lacks an
    operator, and VerificationError if the gradients of a training step differ from MXNet's.
    """
    import torch
    write_files(net, folder)
    module = load_module(os.path.join(folder, CODE), os.path.join(folder, WEIGHTS))

    def engine(inputs):
        with torch.no_grad():
            outputs = module(*[torch.from_numpy(np.ascontiguousarray(X)) for X in inputs])
        return [output.numpy() for output in (
            outputs if isinstance(outputs, tuple) else (outputs,))]
    if not net.is_classifier:
        return Written([WEIGHTS, CODE], engine)
    # A training step keeps all activations in float64, so large images need a smaller batch.
    (X,), labels, _ = net.test.first(max(4, min(_STEP_IMAGES, net.test.timed[-1] // 4)))
    if labels is None:
        labels = np.arange(len(X)) % len(net.info['classes'])
    compared, difference = check_step(net, module, X, labels)
    return Written([WEIGHTS, CODE], engine, notes=(
        "one training step: %d gradients and running means within %.0e of MXNet's, relative to the "
        'largest value of each' % (compared, difference),))


def write_files(net, folder):
    """Write model.safetensors and model.py for `net`, a `NetDescription`, to `folder`."""
    code = torch_code(net)
    write_file(os.path.join(folder, WEIGHTS), safetensors.save(
        torch_arrays(net), dict(net.metadata('outside'), format='pt')))
    write_file(os.path.join(folder, CODE), code.encode())


def torch_arrays(net):
    """Return the PyTorch state dict for a `NetDescription`: {name: NumPy array}."""
    return {name: np.ascontiguousarray(net.params[param])
            for name, param in read_structure(net.symbol, list(net.inputs)).tensors().items()}


def load_module(code, weights):
    """Load a net in eval mode from the model.py at `code` and the weights at `weights`."""
    module = types.ModuleType('model')
    with open(code, encoding='utf-8') as f:  # an import would write bytecode to the folder
        exec(compile(f.read(), code, 'exec'), vars(module))
    return module.load(weights)


def check_step(net, module, X, y):
    """Compare a training step in MXNet and PyTorch; return (number of tensors, largest difference).

    The step computes the cross-entropy and its gradients in float64, without dropout. The images X,
    (N, C, H, W), and the labels y, (N,), are NumPy arrays. `module` is the PyTorch version of
    `net`, and is not modified. The gradients of all parameters and the running means of batch norms
    are compared, except the gradients of PReLU slopes, which MXNet 1.9.1 computes incorrectly in a
    graph. A difference is divided by the largest value of its tensor, or by a millionth of the
    largest value of all tensors if that is more, because a bias before a batch norm has gradient 0.

    Raises VerificationError if a difference exceeds both `STEP_TOLERANCE` and the largest change in
    MXNet's own results after the pixels change by a millionth. The latter shows the effect of
    rounding on ReLUs with an input near 0, which may be active in only one of the nets.
    """
    import torch
    X, y = np.asarray(X, dtype='float64'), np.asarray(y)
    structure = read_structure(net.symbol)
    names = structure.tensors()
    slopes = {param for node in structure.nodes if node.kind == 'prelu' for param in node.params}
    expected = _mxnet_step(net, X, y)
    module = copy.deepcopy(module).double().train()
    torch.nn.functional.cross_entropy(module(torch.from_numpy(X)),
                                      torch.from_numpy(y.astype('int64'))).backward()
    found = {name: tensor.grad.numpy() for name, tensor in module.named_parameters()
             if tensor.requires_grad and names[name] not in slopes}
    found.update((name, tensor.numpy()) for name, tensor in module.named_buffers()
                 if name.endswith('running_mean'))
    smallest_scale = 1e-6 * max(np.abs(expected[names[name]]).max() for name in found)

    def difference(name, array):
        want = expected[names[name]]
        return float(np.abs(array - want).max() / max(np.abs(want).max(), smallest_scale))

    differences = {name: difference(name, array) for name, array in found.items()}
    worst = max(differences, key=lambda name: np.nan_to_num(differences[name], nan=np.inf))
    if not differences[worst] <= STEP_TOLERANCE:  # also true for NaN
        noise = np.random.RandomState(0).uniform(-1e-6, 1e-6, X.shape)
        moved = _mxnet_step(net, X * (1 + noise), y)
        allowed = max([STEP_TOLERANCE] + [difference(name, moved[names[name]]) for name in found])
        if not differences[worst] <= allowed:
            raise VerificationError(
                'the exported files do not match the net: after a training step, %s (a gradient '
                "or running mean) in PyTorch differs from MXNet's by %.1e, relative to its largest "
                'absolute value; at most %.0e is allowed' % (worst, differences[worst], allowed))
    return len(found), differences[worst]


def _mxnet_step(net, X, y):
    """Run a training step in MXNet; return {parameter: gradient or updated running statistic}."""
    block = net.block('float64')
    with autograd.record():
        loss = gluon.loss.SoftmaxCrossEntropyLoss()(
            block(nd.array(X, dtype='float64')), nd.array(y, dtype='float64')).mean()
    loss.backward()
    nd.waitall()  # MXNet updates running statistics asynchronously
    return {name: (param.data() if param.grad_req == 'null' else param.grad()).asnumpy()
            for name, param in block.collect_params().items()}
