"""A small checkpoint with three heads, one of which needs a label."""
import mxnet as mx
import numpy as np
import pytest


def training_symbol():
    """A net of images with an embedding, class scores and a loss of its own that takes a label."""
    X = (mx.sym.var('data') - 127.5) * 0.01
    X = mx.sym.Convolution(X, num_filter=4, kernel=(3, 3), name='conv')
    X = mx.sym.BatchNorm(X, name='norm')  # fix_gamma is True
    X = mx.sym.Pooling(X, global_pool=True, pool_type='avg', kernel=(1, 1))
    embedding = mx.sym.FullyConnected(X, num_hidden=5, name='fc1')
    scores = mx.sym.FullyConnected(embedding, num_hidden=3, name='fc2')
    label = mx.sym.var('softmax_label')
    margin = mx.sym.one_hot(label, 3) * scores
    return mx.sym.Group([mx.sym.BlockGrad(embedding, name='embedding'),
                         mx.sym.SoftmaxOutput(scores, label, name='softmax'),
                         mx.sym.MakeLoss(margin, name='margin')])


def random_parameters(symbol, seed=0, **shapes):
    """(arguments, states) of a symbol, random, without those that `shapes` names."""
    rng = np.random.RandomState(seed)
    arguments, _, states = symbol.infer_shape(**shapes)

    def draw(names, sides):
        return {name: mx.nd.array(rng.uniform(0.2, 1.5, shape)) for name, shape in zip(names, sides)
                if name not in shapes}
    return (draw(symbol.list_arguments(), arguments),
            draw(symbol.list_auxiliary_states(), states))


@pytest.fixture
def checkpoint(tmp_path):
    """The folder of a checkpoint of epochs 3 and 12: face-symbol.json, face-0012.params."""
    folder, symbol = tmp_path / 'checkpoint', training_symbol()
    folder.mkdir()
    for epoch in (3, 12):
        mx.model.save_checkpoint(str(folder / 'face'), epoch, symbol, *random_parameters(
            symbol, epoch, data=(2, 3, 8, 8), softmax_label=(2,)))
    return folder
