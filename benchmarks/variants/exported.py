"""The files that ONNX Runtime is measured with: gluonblocks' own nets, by its own export."""
import os

import numpy as np

import gluonblocks as gb  # first: it sets MXNet's threads
from gluonblocks.export.run import export_net

import mxnet as mx  # isort: skip


def export_onnx(requests, model, folder):
    """Write a model in the formats 'onnx' and 'onnx-int8' into `folder`; answer where they are.

    `paths` has the file of each format that could be written, `missing` why another could not.
    """
    net, side = gb.get_model(model), gb.get_recipe(model).resize or 28
    net.initialize(init=mx.init.Xavier())
    X = np.random.RandomState(0).rand(64, 1, side, side).astype('float32')
    for _ in range(10):
        with mx.autograd.record():  # for averages that keep the numbers within the net in bounds
            net(mx.nd.array(X))
    paths, missing = {}, []
    for name, file in (('onnx', 'model.onnx'), ('onnx-int8', 'model-int8.onnx')):
        try:
            # Of a net that was not trained, 8 bits need not be right: it is its speed that counts.
            export_net(net, (1, side, side), os.path.join(folder, name), [name], data=X,
                       max_drop=100)
        except ImportError as error:
            missing.append(str(error).splitlines()[0])
        else:
            paths[name] = os.path.join(folder, name, file)
    requests.answer(paths=paths, missing=missing)
